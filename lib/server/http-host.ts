import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Undo } from '../emitter.ts'
import { AnywireError, textOf } from '../errors.ts'
import { ERR_HANDLER, ERR_OPTION } from '../failures.ts'
import { print } from '../print.ts'
import type { HttpServer } from './http.ts'
import type { Host, LinkRequest, RequestHandler, UpgradeHandler } from './listener.ts'
import { RequestFacts } from './request.ts'
import { share, tenantsOf } from './shared-http.ts'
import type { Tenant } from './shared-http.ts'

/**
 * One path of an http.Server that has other users. Requests below the path are ours alone, whoever else listens and since
 * when; all others are untouched. `detach` leaves the server as it was.
 */
export class HttpHost implements Host, Tenant {
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
    if ([...tenantsOf(http)].some(tenant => tenant.isHere(this.#folder)))
      throw new AnywireError(
        ERR_OPTION,
        `another server has the path '${this.path}' of this http.Server: close it first`
      )
    const undo = share(http, this)
    return () => {
      undo()
      this.#requests.clear()
    }
  }

  isHere(url = ''): boolean {
    const path = pathOf(url)
    return path === this.path || path === this.#folder
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    try {
      for (const handler of this.#upgrades) if (handler(request, socket, head)) return true
      return false
    } catch (error) {
      // Such as that somebody else has answered. What is thrown here would end the process.
      this.#failed(error, 'upgrade')
      socket.destroy()
      return true
    }
  }

  answer(request: IncomingMessage, response: unknown): boolean {
    if (!this.#isOurs(request.url)) return false
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

  /** Whether a request is for the path, or for what is below it. Never for a mere prefix of a name. */
  #isOurs(url = ''): boolean {
    return this.isHere(url) || pathOf(url).startsWith(this.#folder)
  }
}

const pathOf = (url: string): string => url.split('?', 1)[0] ?? ''
