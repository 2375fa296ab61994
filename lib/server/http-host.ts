import { STATUS_CODES } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Undo } from '../emitter.ts'
import { AnywireError, textOf } from '../errors.ts'
import { ERR_HANDLER, ERR_OPTION } from '../failures.ts'
import { print } from '../print.ts'
import type { HttpServer } from './http.ts'
import type { Host, LinkRequest, RequestHandler, UpgradeHandler } from './listener.ts'
import { RequestFacts } from './request.ts'

/** Who is on each http.Server, each on a path of its own. */
const neighbors = new WeakMap<HttpServer, Set<HttpHost>>()

/**
 * One path of an http.Server that has other users. Requests below the path are ours alone, whoever else listens and since
 * when; all others are untouched. `detach` leaves the server as it was.
 */
export class HttpHost implements Host {
  readonly http: HttpServer | undefined
  readonly limit: number
  readonly path: string
  readonly report: Host['report']
  readonly allows: Host['allows']
  readonly handshake: Host['handshake']
  readonly #upgrades = new Set<UpgradeHandler>()
  readonly #requests = new Set<RequestHandler>()
  #undo: Undo | undefined

  /** @throws ERR_OPTION where another server has the path */
  constructor(
    http: HttpServer | undefined,
    path: string,
    limit: number,
    report: Host['report'] = print,
    allows: Host['allows'] = () => true,
    addressOf: (request: LinkRequest) => string = ({ address }) => address
  ) {
    this.http = http
    this.path = path
    this.limit = limit
    this.report = report
    this.allows = allows
    this.handshake = (transformer, request) => new RequestFacts(transformer, request, addressOf(request))
    // Whatever is shaped like a server behaves like one.
    if (http) this.#undo = this.#attach(http as Server)
  }

  onUpgrade(handler: UpgradeHandler): Undo {
    if (!this.http) throw new AnywireError(ERR_OPTION, "no http.Server to listen on: pass one, or a 'port' or 'socket'")
    this.#upgrades.add(handler)
    return () => this.#upgrades.delete(handler)
  }

  onRequest(handler: RequestHandler): Undo {
    this.#requests.add(handler)
    return () => this.#requests.delete(handler)
  }

  detach(): void {
    this.#undo?.()
    this.#undo = undefined
  }

  #attach(http: Server): Undo {
    const hosts = neighbors.get(http) ?? new Set()
    if ([...hosts].some(host => host.#folder === this.#folder))
      throw new AnywireError(
        ERR_OPTION,
        `another server has the path '${this.path}' of this http.Server: close it first`
      )
    neighbors.set(http, hosts.add(this))
    /** Whether it is for us to say that nobody takes an upgrade: for the first of us, where there is nobody else. */
    const isNobodys = (url: string | undefined): boolean =>
      http.listenerCount('upgrade') === hosts.size &&
      [...hosts][0] === this &&
      ![...hosts].some(host => host.#isOurs(url, true))
    const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
      if (this.#isOurs(request.url, true)) {
        try {
          for (const handler of this.#upgrades) if (handler(request, socket, head)) return
          refuse(socket, 400)
        } catch (error) {
          // Such as that somebody else has answered. What is thrown here would end the process.
          this.#failed(error, 'upgrade')
          socket.destroy()
        }
      } else if (isNobodys(request.url)) refuse(socket, 404)
    }
    http.on('upgrade', upgrade)
    // A listener could not keep the other ones from answering too, so ours stands before all of them.
    const emit = http.emit.bind(http)
    const before = Object.getOwnPropertyDescriptor(http, 'emit')
    const intercept: typeof emit = (event: string, ...args: unknown[]) => {
      const [request, response] = args
      if (event === 'request' && this.#answer(request as IncomingMessage, response)) return true
      return emit(event, ...args)
    }
    http.emit = intercept
    return () => {
      hosts.delete(this)
      http.off('upgrade', upgrade)
      this.#requests.clear()
      // Where somebody put themselves before us meanwhile, `intercept` stays, and lets everything pass.
      if (http.emit !== intercept) return
      if (before) Object.defineProperty(http, 'emit', before)
      else Reflect.deleteProperty(http, 'emit')
    }
  }

  #answer(request: IncomingMessage, response: unknown): boolean {
    if (!this.#isOurs(request.url, false)) return false
    try {
      for (const handler of this.#requests) if (handler(request, response)) return true
      return false
    } catch (error) {
      this.#failed(error, 'request')
      request.destroy()
      return true
    }
  }

  #failed(error: unknown, event: string): void {
    this.report(new AnywireError(ERR_HANDLER, `'${event}': ${textOf(error)}`, error))
  }

  /** The path, as what is below it begins. */
  get #folder(): string {
    return this.path.endsWith('/') ? this.path : `${this.path}/`
  }

  /** Whether a request is for the path itself, or also for what is below it. Never for a mere prefix of a name. */
  #isOurs(url = '', exact: boolean): boolean {
    const path = url.split('?', 1)[0] ?? ''
    return path === this.path || path === this.#folder || (!exact && path.startsWith(this.#folder))
  }
}

/** Answers an upgrade request with an HTTP status, and closes. */
export const refuse = (socket: Duplex, status: number, reason = STATUS_CODES[status] ?? ''): void => {
  socket.on('error', () => socket.destroy())
  // Nobody reads it any more, so nobody would hear that the other end closed it.
  socket.once('finish', () => socket.destroy())
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
      `Content-Length: ${Buffer.byteLength(reason)}\r\n\r\n${reason}`
  )
}
