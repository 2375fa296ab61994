import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Undo } from '../emitter.ts'
import { intercept } from './intercept.ts'
import { refuse } from './refuse.ts'
import { closingWith } from './unknown-sockets.ts'

/** Whoever has a path of an http.Server. */
export interface Tenant {
  /** Whether a request is for the path itself. */
  isHere(url: string | undefined): boolean
  /** @returns whether the upgrade was taken; it is refused otherwise */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean
  /** @returns whether the request was answered */
  answer(request: IncomingMessage, response: unknown): boolean
}

/** What the tenants of an http.Server have on it together, so that it is as before once the last of them has gone. */
interface Shared {
  /** Who came last is asked first. */
  tenants: readonly Tenant[]
  undo: Undo
}

const servers = new WeakMap<Server, Shared>()

/** Who has a path of an http.Server. */
export const tenantsOf = (http: Server): Iterable<Tenant> => servers.get(http)?.tenants ?? []

export const share = (http: Server, tenant: Tenant): Undo => {
  const shared = servers.get(http) ?? begin(http)
  shared.tenants = [tenant, ...shared.tenants]
  return () => {
    shared.tenants = shared.tenants.filter(other => other !== tenant)
    if (!shared.tenants.length) shared.undo()
  }
}

const begin = (http: Server): Shared => {
  const shared: Shared = { tenants: [], undo }
  servers.set(http, shared)
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // Nobody can be answered any more, and nobody would be told that, or hear what it is still to tell.
    if (socket.destroyed) return void socket.on('error', ignore)
    const host = shared.tenants.find(tenant => tenant.isHere(request.url))
    const alone = http.listenerCount('upgrade') === 1
    if (host?.upgrade(request, socket, head)) return
    if (host) refuse(socket, 400)
    else if (alone && /^websocket$/i.test(request.headers.upgrade ?? '')) refuse(socket, 404)
    else if (alone) askAgain(http, request, head)
  }
  http.on('upgrade', upgrade)
  // A listener could not keep the other ones from answering too, so ours stands before all of them.
  const release = intercept(http, 'emit', emit => (event: string, ...args: unknown[]) => {
    const [request, response] = args
    if (event === 'request')
      for (const tenant of shared.tenants) if (tenant.answer(request as IncomingMessage, response)) return true
    return emit(event, ...args)
  })
  function undo(): void {
    servers.delete(http)
    http.off('upgrade', upgrade)
    release()
  }
  return shared
}

const ignore = (): void => {}

/**
 * Calls `next` once all answers are written that a socket has still to have, with what came in meanwhile. They wait for one
 * another. Not where it closes before, or its client says no more: Node has no answers for those either.
 */
const behindAnswers = (socket: Socket, next: (read: Buffer[]) => void): void => {
  let answer: ServerResponse | null | undefined
  const read: Buffer[] = []
  let size = 0
  // Who does not read hears of no end.
  const keep = (chunk: Buffer): void => {
    read.push(chunk)
    size += chunk.length
    if (size >= socket.readableHighWaterMark) socket.pause()
  }
  const end = (): void => void socket.end()
  // Node itself does not listen for it any more behind an upgrade, and whoever writes an answer may wait for it.
  const drained = (): void => {
    if (answer && !answer.writableEnded) answer.emit('drain')
  }
  const look = (): void => {
    // Node tells nobody else which answer has its turn.
    const turn = Reflect.get(socket, '_httpMessage') as ServerResponse | null | undefined
    answer = turn
    if (turn) {
      // By what Node keeps there would be a `drain` to come for ever, and who pipes would wait for it.
      const get = (): boolean => !turn.writableEnded && socket.writableNeedDrain
      Object.defineProperty(turn, 'writableNeedDrain', { configurable: true, get })
      turn.once('close', look)
      return
    }
    socket.off('drain', drained).off('data', keep).off('end', end)
    // What failed may be told only later: nobody but us listens to a socket that is not handed on.
    if (!socket.writable) return
    socket.pause().off('error', ignore)
    // The one that keeps a connection without requests alive. It has one.
    socket.setTimeout(0)
    next(read)
    socket.resume()
  }
  // Nobody else listens meanwhile.
  socket.on('error', ignore).on('drain', drained).on('data', keep).on('end', end)
  look()
}

/**
 * Has a request read again as one without an upgrade, body and all. Once anybody listens for upgrades, Node takes every one for
 * theirs, also those to HTTP/2 that Java's client and `curl --http2` ask for with each first request.
 */
const askAgain = (http: Server, request: IncomingMessage, head: Buffer): void => {
  const { method = '', url = '', httpVersion, rawHeaders, socket } = request
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (name.toLowerCase() !== 'upgrade') lines.push(`${name}: ${rawHeaders[at + 1] ?? ''}`)
  }
  const known = closingWith(http, socket)
  socket.once('close', known)
  behindAnswers(socket, read => {
    socket.off('close', known)
    known()
    socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head, ...read]))
    http.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket)
  })
}
