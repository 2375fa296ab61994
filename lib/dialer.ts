import { failures } from './errors.ts'
import type { Goodbye, Hello, Welcome } from './handshake.ts'
import { Link } from './link.ts'
import type { Greeter } from './link.ts'
import type { ClientTransformer, Wire } from './transformer.ts'
import { attemptUrl } from './url.ts'

/** A value, or what makes it for each attempt to connect. */
export type Each<T> = T | (() => T | Promise<T>)

export interface DialerOptions {
  readonly transformers: readonly ClientTransformer[]
  readonly auth?: Each<unknown>
  readonly query?: Readonly<Record<string, string>>
  readonly timeout?: number
}

/** Whom a dialer tells. Each attempt ends with one of `welcomed`, `refused` and `unreachable`, or with `stop`. */
export interface DialerOwner {
  hello(auth: unknown): Hello
  welcomed(link: Link, wire: Wire, welcome: Welcome): void
  refused(goodbye: Goodbye): void
  unreachable(goodbye: Goodbye): void
}

/** Makes attempts to connect, one at a time: tries the transformers in order until a server answers over one. */
export class Dialer {
  readonly #url: Each<string | URL>
  readonly #options: DialerOptions
  readonly #owner: DialerOwner
  #attempt: AbortController | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(url: Each<string | URL>, options: DialerOptions, owner: DialerOwner) {
    this.#url = url
    this.#options = options
    this.#owner = owner
  }

  get dialing(): boolean {
    return this.#attempt !== undefined
  }

  /** Starts an attempt, unless one is under way. */
  dial(): void {
    if (this.#attempt) return
    const { timeout = 10_000, transformers, query, auth } = this.#options
    const attempt = (this.#attempt = new AbortController())
    const failed = (error: unknown): void => {
      if (attempt !== this.#attempt) return
      this.stop()
      this.#owner.unreachable([1006, error instanceof Error ? error.message : `${error}`, 0])
    }
    const [code, message] = failures.ERR_HANDSHAKE_TIMEOUT
    this.#timer = setTimeout(() => {
      this.stop()
      this.#owner.unreachable([code, message, 0])
    }, timeout)
    Promise.all([each(this.#url), each(auth)])
      .then(([url, auth]) => {
        if (attempt === this.#attempt) this.#try(attempt, transformers, attemptUrl(url, query), auth)
      })
      .catch(failed)
  }

  /** Gives up the attempt under way, and cuts its wire. */
  stop(): void {
    const attempt = this.#attempt
    this.#done()
    attempt?.abort()
  }

  #done(): void {
    clearTimeout(this.#timer)
    this.#attempt = undefined
  }

  #try(attempt: AbortController, [transformer, ...rest]: readonly ClientTransformer[], url: URL, auth: unknown): void {
    if (!transformer) throw new Error('there is no transformer to connect with')
    const current = (): boolean => attempt === this.#attempt
    const greeter: Greeter = {
      hello: () => this.#owner.hello(auth),
      welcomed: (link, wire, welcome) => {
        if (!current()) return
        this.#done()
        this.#owner.welcomed(link, wire, welcome)
      },
      refused: goodbye => {
        if (!current()) return
        this.stop()
        this.#owner.refused(goodbye)
      },
      lost: goodbye => {
        if (!current()) return
        if (rest.length > 0) return this.#try(attempt, rest, url, auth)
        this.stop()
        this.#owner.unreachable(goodbye)
      }
    }
    transformer.dial(url, new Link(transformer.name, greeter), attempt.signal)
  }
}

const each = async <T>(value: Each<T>): Promise<T> =>
  // A function is never the value itself: what may be told to a server is data.
  typeof value === 'function' ? (value as () => T | Promise<T>)() : value
