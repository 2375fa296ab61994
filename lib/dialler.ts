import type { AnyClientOptions } from './client-endpoint.ts'
import type { Each } from './client.ts'
import { AnywireError } from './errors.ts'
import { ERR_CLOSED, ERR_HANDSHAKE_TIMEOUT, ERR_OPTION } from './failures.ts'
import { HELLO } from './frames.ts'
import type { Goodbye, Hello } from './handshake.ts'
import { Link, LinkError } from './link.ts'
import type { LinkHost } from './link.ts'
import { inOrder } from './strategy.ts'
import type { Greet, Open, Strategy } from './strategy.ts'
import { LONGEST } from './timer.ts'
import { attemptUrl } from './url.ts'

/** Whom a dialler gets wires for. */
export interface DiallerHost extends LinkHost {
  /** What to say to the server. */
  hello(auth: unknown): Hello
  /** There is no wire, and none will come. `over`: the session cannot go on either. */
  down(goodbye: Goodbye, over: boolean): void
}

/** Milliseconds for an attempt to connect, or to move. */
const TIMEOUT = 10_000

const LATE: Goodbye = [ERR_HANDSHAKE_TIMEOUT[1], ERR_HANDSHAKE_TIMEOUT[2], 0]

/** The links of a client: the one that carries the connection, and those that may. */
export class Dialler {
  strategy: Strategy = inOrder
  /** The link that carries the connection. */
  link: Link | undefined
  /** How that was lost, while the connection moves to another one. */
  fallen: Goodbye | undefined
  readonly #url: Each<string | URL>
  readonly #options: AnyClientOptions
  readonly #host: DiallerHost
  readonly #links = new Set<Link>()
  /** The attempt to connect, and the link that the connection moves to, if the server agrees. */
  #attempt: object | undefined
  #next: Link | undefined

  constructor(url: Each<string | URL>, options: AnyClientOptions, host: DiallerHost) {
    // A URL that is none now will be none at each attempt.
    if (typeof url !== 'function') attemptUrl(url)
    this.#url = url
    this.#options = options
    this.#host = host
  }

  /** Whether the connection moves: the server was asked. */
  get moving(): boolean {
    return this.#next !== undefined
  }

  /** Whether there is a wire, or soon may be. */
  get busy(): boolean {
    return this.moving || !!this.#attempt || !!this.link
  }

  /** Gets a wire, and tells the host. */
  async dial(): Promise<void> {
    const { transformers } = this.#options
    const attempt = (this.#attempt = {})
    const current = (): boolean => this.#attempt === attempt
    const late = this.#after(() => current() && this.#host.down(LATE, false))
    try {
      await this.strategy(transformers, ...(await this.#prepare(current)))
    } catch (error) {
      const { goodbye, refused } = LinkError.of(error)
      if (current()) this.#host.down(goodbye, refused)
    } finally {
      clearTimeout(late)
    }
  }

  /** See `Client.migrate`. */
  async migrate(name: string): Promise<void> {
    const { link: former } = this
    const current = (): boolean => former !== undefined && this.link === former && !this.moving
    const transformer = this.#options.transformers.find(other => other.name === name)
    if (!transformer) throw new AnywireError(ERR_OPTION, `there is no transformer '${name}'`)
    const [open, greet] = await this.#prepare(current)
    const link = open(transformer)
    const late = this.#after(() => link.abort(LATE))
    try {
      await link.opened
      if (!current()) throw new AnywireError(ERR_CLOSED)
      this.#next = link
      await greet(link)
    } catch (error) {
      const { fallen } = this
      link.abort()
      if (this.#next === link) {
        this.#next = undefined
        const { goodbye, refused } = LinkError.of(error)
        // The wire that was in use is gone too.
        if (fallen) this.#host.down(refused ? goodbye : fallen, refused)
      }
      throw error
    } finally {
      clearTimeout(late)
    }
  }

  /** A link carries the connection from now on: all others are cut. */
  take(link: Link): void {
    this.#links.delete(link)
    this.cut()
    this.#links.add(link)
    this.link = link
  }

  failed(link: Link): void {
    this.#links.delete(link)
  }

  /** Ends all links; the one in use too, unless it closes by itself. */
  cut(reason?: Goodbye, closes = false): void {
    if (closes && this.link) this.#links.delete(this.link)
    this.#attempt = this.#next = this.link = this.fallen = undefined
    for (const link of this.#links) link.abort(reason)
    this.#links.clear()
  }

  /** Asks the application what an attempt needs. */
  async #prepare(current: () => boolean): Promise<readonly [open: Open, greet: Greet, url: URL]> {
    const { query, auth } = this.#options
    const check = (): void => {
      if (!current()) throw new AnywireError(ERR_CLOSED)
    }
    check()
    const [base, credentials] = await Promise.all([each(this.#url), each(auth)])
    const url = attemptUrl(base, query)
    return [
      transformer => {
        check()
        const link = new Link(transformer, url, this.#host)
        this.#links.add(link)
        return link
      },
      async (link, patience) => link.greet(HELLO + JSON.stringify(this.#host.hello(credentials)), patience),
      url
    ]
  }

  #after(run: () => void): ReturnType<typeof setTimeout> {
    return setTimeout(run, Math.min(this.#options.timeout ?? TIMEOUT, LONGEST))
  }
}

const each = async <T>(value: Each<T>): Promise<T> =>
  // A function is never the value itself: what is told to a server is data.
  typeof value === 'function' ? (value as () => T | Promise<T>)() : value
