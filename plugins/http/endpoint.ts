import { Emitter } from '../../lib/emitter.ts'
import { AnywireError } from '../../lib/errors.ts'
import type { Failure } from '../../lib/errors.ts'
import {
  ERR_ARGUMENTS,
  ERR_BUSY,
  ERR_CANCELLED,
  ERR_HANDSHAKE_TIMEOUT,
  ERR_LIMIT,
  ERR_OPTION,
  ERR_ORIGIN,
  ERR_SERVER,
  ERR_SHUTDOWN,
  ERR_TIMEOUT,
  ERR_TOO_LARGE,
  ERR_UNAUTHORIZED
} from '../../lib/failures.ts'
import { print } from '../../lib/print.ts'
import type { LinkRequest } from '../../lib/server/listener.ts'
import type { Handshake } from '../../lib/server/peer.ts'
import { LONGEST } from '../../lib/timer.ts'
import { runBatch } from './batch.ts'
import { read } from './json.ts'
import { allowReading, answer, answerPreflight, deny, linkOf, readBody } from './talk.ts'
import type { Incoming, Outgoing } from './talk.ts'
import { Worker } from './worker.ts'
import type { HttpHost } from './worker.ts'
import { fill } from '../../lib/given.ts'
import type { Given } from '../../lib/given.ts'

export interface HttpLimits {
  /** Bytes of a request's body. Default 1,048,576. */
  readonly bytes: number
  /** Items of a request. Default 100. */
  readonly items: number
  /** Requests at the same time; past it they are answered 503. Default 1,000. */
  readonly requests: number
  /** Milliseconds for a request, from its first byte to its answer. Items that are not done by then have ERR_TIMEOUT. Default 30,000. */
  readonly time: number
}

/** A context, or a refusal. */
type Refusable<Context> = Context | AnywireError | false | null | undefined

export interface HttpOptions<Context = unknown> {
  /**
   * Who asks: the result is the `context` that permissions see. False, null, undefined or an error refuses; the code and
   * message of an AnywireError are told. Without it everybody is refused.
   */
  readonly authenticate: (request: Handshake) => Refusable<Context> | Promise<Refusable<Context>>
  /** Below the server's path. Default 'api'. */
  readonly path?: string | undefined
  readonly limits?: Given<HttpLimits> | undefined
}

const LIMITS: HttpLimits = { bytes: 1_048_576, items: 100, requests: 1_000, time: 30_000 }

/** Answers the requests of one server. */
export class Endpoint {
  readonly #server: HttpHost
  readonly #authenticate: Partial<HttpOptions>['authenticate']
  readonly #path: string
  readonly #limits: HttpLimits
  /** What ends the requests that are being answered. */
  readonly #going = new Set<AbortController>()

  /** @throws ERR_OPTION */
  constructor(server: HttpHost, { authenticate, path = 'api', limits }: Partial<HttpOptions>) {
    if (!/^[\w~-][\w.~-]*(\/[\w~-][\w.~-]*)*$/.test(path)) throw new AnywireError(ERR_OPTION, `the path '${path}'`)
    this.#server = server
    this.#authenticate = authenticate
    this.#path = `${server.path.replace(/\/$/, '')}/${path}`
    this.#limits = fill(LIMITS, limits)
    for (const limit of Object.values(this.#limits) as unknown[]) {
      if (!(typeof limit === 'number' && limit > 0)) throw new AnywireError(ERR_OPTION, `the limit ${String(limit)}`)
    }
  }

  /** @returns whether the request is one for this */
  asked(request: Incoming, response: Outgoing): boolean {
    if ((request.url ?? '').split('?', 1)[0] !== this.#path) return false
    void this.#answer(request, response)
    return true
  }

  /** Ends what goes on. */
  close(): void {
    for (const controller of this.#going) controller.abort(new AnywireError(ERR_SHUTDOWN))
  }

  async #answer(request: Incoming, response: Outgoing): Promise<void> {
    const link = linkOf(request)
    const allowed = allowReading(this.#server.host, link, response)
    if (request.method === 'OPTIONS') return answerPreflight(link, response, allowed)
    if (request.method !== 'POST') {
      response.setHeader('Allow', 'POST, OPTIONS')
      return deny(response, new AnywireError(ERR_ARGUMENTS, 'POST a list of items'), 405)
    }
    if (!allowed) return deny(response, new AnywireError(ERR_ORIGIN, link.headers.origin))
    // No form of another site can send this without having asked before.
    if (!/^application\/json *(;|$)/i.test(`${link.headers['content-type']}`)) {
      return deny(response, new AnywireError(ERR_ARGUMENTS, 'the content-type must be application/json'), 415)
    }
    if (this.#going.size >= this.#limits.requests) return deny(response, new AnywireError(ERR_BUSY))
    const controller = new AbortController()
    const stop = (error: AnywireError): void => controller.abort(error)
    const timer = setTimeout(() => stop(new AnywireError(ERR_TIMEOUT)), Math.min(this.#limits.time, LONGEST))
    this.#going.add(controller)
    response.on('close', () => stop(new AnywireError(ERR_CANCELLED)))
    try {
      answer(response, 200, await this.#work(request, link, controller.signal))
    } catch (error) {
      deny(response, this.#known(error, ERR_SERVER))
    } finally {
      clearTimeout(timer)
      this.#going.delete(controller)
    }
  }

  /** @throws why the whole request fails */
  async #work(request: Incoming, link: LinkRequest, signal: AbortSignal): Promise<string> {
    const { bytes, items: most } = this.#limits
    const handshake = this.#server.host.handshake('http', link)
    const context = await until(signal, this.#admit(handshake))
    const body = await until(signal, readBody(request, bytes))
    if (!body) throw new AnywireError(ERR_TOO_LARGE, `more than ${bytes} bytes`)
    const items = read(body)
    if (!Array.isArray(items)) throw new AnywireError(ERR_ARGUMENTS, 'the body is a list of items')
    if (items.length > most) throw new AnywireError(ERR_LIMIT, `${most} items`)
    const worker = new Worker(this.#server, this.#server.guest(handshake, context), signal)
    return runBatch(
      items,
      item => worker.work(item),
      signal,
      error => this.#report(error)
    )
  }

  async #admit(handshake: Handshake): Promise<unknown> {
    try {
      const context = await this.#authenticate?.(handshake)
      if (context instanceof Error) throw context
      // Whoever forgets to return something has let nobody in.
      if ((context ?? false) !== false) return context
    } catch (error) {
      throw this.#known(error, ERR_UNAUTHORIZED)
    }
    throw new AnywireError(ERR_UNAUTHORIZED)
  }

  /** An error that may be told, or another one in its place. */
  #known(error: unknown, other: Failure): AnywireError {
    if (error instanceof AnywireError) return error
    this.#report(error)
    return new AnywireError(other)
  }

  #report(error: unknown): void {
    if (this.#server instanceof Emitter) this.#server.failed(error, 'http')
    else print(error)
  }
}

/** What a promise resolves with, unless the signal ends it before: a request that is slow to come is one that is not there. */
const until = <T>(signal: AbortSignal, promise: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const end = (): void => {
      const timeout = signal.reason instanceof AnywireError && signal.reason.code === 'ERR_TIMEOUT'
      reject(timeout ? new AnywireError(ERR_HANDSHAKE_TIMEOUT) : signal.reason)
    }
    signal.addEventListener('abort', end, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
  })
