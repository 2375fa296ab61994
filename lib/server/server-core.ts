import { randomBytes } from 'node:crypto'
import { createServer as createHttpServer } from 'node:http'
import type { Server as HttpListener } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import type { WriteOptions } from '../connection.ts'
import { Emitter } from '../emitter.ts'
import type { Undo } from '../emitter.ts'
import { AnywireError, textOf } from '../errors.ts'
import {
  ERR_BUSY,
  ERR_HANDLER,
  ERR_LISTEN,
  ERR_OPTION,
  ERR_ORIGIN,
  ERR_PARSER,
  ERR_PROTOCOL,
  ERR_SERVER,
  ERR_SESSION_LOST,
  ERR_SHUTDOWN,
  ERR_UNAUTHORIZED
} from '../failures.ts'
import type { Goodbye, Hello } from '../handshake.ts'
import { MAX_LANE } from '../frames.ts'
import type { Parser } from '../parser.ts'
import { install } from '../plugin.ts'
import { print } from '../print.ts'
import type { Receiver, Wire } from '../transformer.ts'
import { DEFAULT_PATH } from '../url.ts'
import { Forwarding } from './address.ts'
import { serveClient } from './client-file.ts'
import { Heartbeat } from './heartbeat.ts'
import { HttpHost } from './http-host.ts'
import { ServerLink } from './link.ts'
import type { LinkHost } from './link.ts'
import type { Listener, LinkRequest } from './listener.ts'
import { SERVER_LIMITS } from './options.ts'
import type { HttpServer } from './http.ts'
import type { AnyServerOptions, Recovery, ServerLimits } from './options.ts'
import { isAllowedOrigin } from './origin.ts'
import type { Handshake, Peer } from './peer.ts'
import { PeerEndpoint } from './peer-endpoint.ts'
import type { PeerHost } from './peer-endpoint.ts'
import { findMismatch } from './mismatch.ts'
import { multicast, PeerSet } from './peers.ts'
import type { ServerPlugin } from './plugin.ts'
import { RequestFacts } from './request.ts'
import type { CloseOptions, Server, ServerEvents } from './server.ts'

/** How long wires may take to close once everything is over, in milliseconds. */
const PATIENCE = 1_000

/** Accepts links, has clients judged, and keeps the peers. */
export class ServerCore extends Emitter<ServerEvents> implements Server, PeerHost, LinkHost {
  readonly peers = new PeerSet()
  readonly http: HttpServer | undefined
  readonly path: string
  readonly limits: ServerLimits
  readonly plugins: readonly ServerPlugin[]
  readonly lanes: readonly string[]
  readonly recovery: Recovery | undefined
  readonly heartbeat: number
  readonly server: Server = this
  readonly #options: AnyServerOptions
  readonly #forwarding: Forwarding
  readonly #host: HttpHost
  readonly #listeners: Listener[]
  readonly #heart: Heartbeat
  /** The http.Server of this server alone. */
  readonly #own: HttpListener | undefined
  readonly #undos: Undo[] = []
  /** Open links by the address of their client. */
  readonly #addresses = new Map<string, number>()
  /** Links that carry no peer: their clients are not accepted yet, or their wires are about to close. */
  readonly #waiting = new Set<ServerLink>()
  /** Peers whose clients may come back, the one that left first first. */
  readonly #away = new Set<PeerEndpoint>()
  #closing: Promise<void> | undefined
  #emptied: (() => void) | undefined

  constructor(http: HttpServer | undefined, options: AnyServerOptions) {
    super()
    const { path = DEFAULT_PATH, port, socket, plugins = [], recovery = {}, heartbeat = 25_000 } = options
    this.#options = options
    this.path = path
    this.limits = { ...SERVER_LIMITS, ...options.limits }
    this.plugins = plugins
    this.lanes = plugins.filter(({ local }) => !local).map(({ name }) => name)
    this.heartbeat = heartbeat
    this.recovery =
      recovery === false ? undefined : { time: 120_000, sessions: 100_000, same: isDeepStrictEqual, ...recovery }
    if (this.lanes.length > MAX_LANE) throw new AnywireError(ERR_OPTION, `at most ${MAX_LANE} plugins can have lanes`)
    if (!path.startsWith('/')) throw new AnywireError(ERR_OPTION, `the path '${path}' does not begin with a slash`)
    if (options.parsers.length === 0) throw new AnywireError(ERR_OPTION, 'a server needs a parser')
    if (!http && (port !== undefined || socket !== undefined)) this.#own = createHttpServer(notFound)
    this.http = this.#own ?? http
    this.#forwarding = new Forwarding(options.trustProxy)
    this.#heart = new Heartbeat(heartbeat)
    this.#host = new HttpHost(this.http, path, this.limits.message)
    if (options.client) this.#host.onRequest(serveClient(path, options.client))
    this.#listeners = options.transformers.map(transformer =>
      transformer.listen(this.#host, request => this.#accept(transformer.name, request))
    )
    try {
      install(this, plugins, plugin => plugin.server?.(this, start => this.#undos.push(start())))
    } catch (error) {
      // What was begun is undone: nobody else could.
      void this.close()
      throw error
    }
    this.#own?.on('error', error => this.#report(new AnywireError(ERR_LISTEN, error.message, error), 'listen'))
    this.#own?.once('listening', () => this.emit('listening', this.#own?.address() ?? null))
    this.#own?.listen(socket === undefined ? { port, host: options.host } : { path: socket })
  }

  multicast(peers: Iterable<Peer>, value: unknown, options?: WriteOptions & { readonly lane?: string }): number {
    const lane = options?.lane === undefined ? 0 : this.lanes.indexOf(options.lane) + 1
    if (options?.lane !== undefined && lane === 0)
      throw new AnywireError(ERR_OPTION, `there is no lane '${options.lane}'`)
    return multicast(peers, lane, value, options)
  }

  async admit(link: ServerLink, wire: Wire, hello: Hello | undefined): Promise<AnywireError | undefined> {
    const { handshake } = link
    const mismatch = hello && findMismatch(hello, this.plugins, this.#options.schema)
    if (mismatch) return mismatch
    let context: unknown
    try {
      const { transformer, url, query, headers, address, plain } = handshake
      const request = { transformer, url, query, headers, address, plain, auth: hello?.auth }
      context = await this.#options.authenticate?.(request)
    } catch (error) {
      if (error instanceof AnywireError && error.status > 0) return error
      this.#report(new AnywireError(ERR_HANDLER, `'authenticate': ${textOf(error)}`, error), 'authenticate')
      return new AnywireError(ERR_UNAUTHORIZED)
    }
    // Whoever forgets to return something has not let anybody in.
    if (this.#options.authenticate && (context ?? false) === false) return new AnywireError(ERR_UNAUTHORIZED)
    if (link.closed) return undefined
    if (this.#closing) return new AnywireError(ERR_SHUTDOWN)
    const parser = hello ? this.#options.parsers.find(({ name }) => name === hello.parser) : this.#options.parsers[0]
    if (!parser) return new AnywireError(ERR_PARSER, hello?.parser)
    if (hello?.session && hello.got) {
      const dot = hello.session.lastIndexOf('.')
      const secret = hello.session.slice(dot + 1)
      const peer = this.peers.get(hello.session.slice(0, dot))
      const known = peer?.matches(secret) && peer.parser === parser
      const same = known && this.#ask('same', () => this.recovery?.same(peer?.context, context))
      if (peer && same && peer.recover(link, wire, secret, hello.got)) {
        this.#waiting.delete(link)
        this.#back(peer)
        peer.emit('open', { recovered: true })
        return undefined
      }
    }
    return this.#welcome(link, wire, context, parser, hello)
  }

  refused(handshake: Handshake, error: AnywireError): AnywireError {
    this.emit('refused', error, handshake)
    return error
  }

  left(link: ServerLink): void {
    this.#waiting.add(link)
  }

  released(link: ServerLink): void {
    const { address } = link.handshake
    this.#waiting.delete(link)
    this.#checkEmpty()
    const count = (this.#addresses.get(address) ?? 1) - 1
    if (count > 0) this.#addresses.set(address, count)
    else this.#addresses.delete(address)
  }

  tell(error: AnywireError, stage: string, peer: PeerEndpoint): void {
    // What an 'error' listener throws is none of its own business.
    if (stage !== 'error') peer.emit('error', error)
    this.#report(error, stage, peer)
  }

  away(peer: PeerEndpoint): void {
    // Nobody can come back to a server that closes.
    if (this.#closing) return peer.leave(peer.ending ?? [ERR_SHUTDOWN[1], ERR_SHUTDOWN[2], 0])
    this.#heart.remove(peer)
    this.#away.add(peer)
    if (this.#away.size <= (this.recovery?.sessions ?? 0)) return
    const [oldest] = this.#away
    oldest?.leave([ERR_SESSION_LOST[1], ERR_SESSION_LOST[2], 0])
  }

  closed(peer: PeerEndpoint): void {
    this.#heart.remove(peer)
    this.#away.delete(peer)
    this.peers.delete(peer)
    this.#checkEmpty()
  }

  close(options: CloseOptions = {}): Promise<void> {
    return (this.#closing ??= this.#close(options))
  }

  override failed(error: unknown, event: string): void {
    const failure = new AnywireError(ERR_HANDLER, `a listener for '${event}': ${textOf(error)}`, error)
    if (event === 'error') print(failure)
    else this.#report(failure, event)
  }

  async #close({ timeout = 10_000, reconnect = 5_000 }: CloseOptions): Promise<void> {
    // Links that open from here on are refused: `#closing` is set when this function first waits.
    await Promise.resolve()
    const [, status, reason] = ERR_SHUTDOWN
    const code = reconnect === false ? 1000 : status
    const goodbye = (): Goodbye => [code, reason, Math.round(Math.random() * (reconnect || 0))]
    const emptied = new Promise<void>(resolve => (this.#emptied = resolve))
    for (const link of this.#waiting) link.refuse(new AnywireError(ERR_SHUTDOWN))
    for (const peer of this.peers) {
      if (peer.state === 'away') peer.leave(goodbye())
      else peer.finish(goodbye())
    }
    const timers = [
      setTimeout(() => {
        for (const peer of this.peers) peer.leave(goodbye())
      }, timeout),
      setTimeout(() => {
        for (const link of this.#waiting) link.abort()
      }, timeout + PATIENCE)
    ]
    this.#checkEmpty()
    await emptied
    for (const timer of timers) clearTimeout(timer)
    for (const undo of this.#undos.reverse()) undo()
    this.#heart.stop()
    for (const listener of this.#listeners) await listener.close()
    this.#host.detach()
    const own = this.#own
    if (own) {
      await new Promise(resolve => {
        own.close(resolve)
        own.closeAllConnections()
      })
    }
    this.emit('close')
  }

  #checkEmpty(): void {
    if (this.peers.size === 0 && this.#waiting.size === 0) this.#emptied?.()
  }

  #report(error: AnywireError, stage: string, peer?: PeerEndpoint): void {
    if (!this.emit('error', error, peer ? { stage, peer } : { stage })) print(error)
  }

  #accept(transformer: string, request: LinkRequest): Receiver | AnywireError {
    if (this.#closing) return new AnywireError(ERR_SHUTDOWN)
    const handshake = new RequestFacts(transformer, request, this.#forwarding.address(request))
    const { plain, address } = handshake
    const refusal = this.#refusal(request, plain)
    // A plain client cannot be told in any other way.
    if (refusal && plain) return this.refused(handshake, refusal)
    const count = this.#addresses.get(address) ?? 0
    // Where there are no addresses, nobody can be told from anybody else.
    if (address && count >= this.limits.connections)
      return this.refused(handshake, new AnywireError(ERR_BUSY, `from ${address}`))
    this.#addresses.set(address, count + 1)
    const link = new ServerLink(this, handshake, refusal)
    this.#waiting.add(link)
    return link
  }

  #refusal(request: LinkRequest, plain: boolean): AnywireError | undefined {
    const host = this.#forwarding.host(request)
    if (!this.#ask('origins', () => isAllowedOrigin(request, host, this.#options.origins))) {
      return new AnywireError(ERR_ORIGIN, request.headers.origin)
    }
    return plain && this.#options.plain === false
      ? new AnywireError(ERR_PROTOCOL, 'plain clients are not accepted')
      : undefined
  }

  #welcome(link: ServerLink, wire: Wire, context: unknown, parser: Parser, hello?: Hello): AnywireError | undefined {
    const id = this.#ask('id', () => this.#makeId(link.handshake))
    const peer = id && this.#ask('plugin', () => new PeerEndpoint(this, id, link.handshake, context, parser, hello))
    if (!peer) return new AnywireError(ERR_SERVER)
    this.peers.add(peer)
    this.#heart.add(peer)
    this.#waiting.delete(link)
    peer.carry(link, wire, false)
    this.emit('connection', peer)
    if (peer.state === 'open') peer.emit('open', { recovered: false })
    link.catchUp()
    return undefined
  }

  /** @throws ERR_OPTION when the application's is taken, or none */
  #makeId(handshake: Handshake): string {
    const id: unknown = this.#options.id?.(handshake) ?? randomBytes(16).toString('base64url')
    if (typeof id === 'string' && id !== '' && !this.peers.has(id)) return id
    // It is refused already, whatever becomes of it.
    if (id instanceof Promise) id.catch(() => {})
    throw new AnywireError(ERR_OPTION, `the id '${String(id)}' is taken, or no text`)
  }

  /** Calls what the application gave. Undefined: it failed, which is reported. */
  #ask<T>(stage: string, ask: () => T): T | undefined {
    try {
      return ask()
    } catch (error) {
      this.#report(error instanceof AnywireError ? error : new AnywireError(ERR_HANDLER, `'${stage}'`, error), stage)
      return undefined
    }
  }

  #back(peer: PeerEndpoint): void {
    if (this.#away.delete(peer)) this.#heart.add(peer)
  }
}

const notFound: Parameters<typeof createHttpServer>[1] = (_request, response) => {
  response.writeHead(404, { 'content-type': 'text/plain' }).end('Not found')
}
