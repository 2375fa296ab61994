import { Emitter } from '../../lib/emitter.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_LIMIT, ERR_TIMEOUT, ERR_UNAUTHORIZED } from '../../lib/failures.ts'
import type { Lane } from '../../lib/lane.ts'
import { print } from '../../lib/print.ts'
import type { Peer } from '../../lib/server/peer.ts'
import { LONGEST } from '../../lib/timer.ts'
import { packetOf } from './wire.ts'
import type { Filled } from '../../lib/given.ts'

export interface AuthenticateServerOptions<Context = unknown> {
  /** When what a client has shown expires: milliseconds since 1970, or undefined for never. Default: never. */
  readonly expires?: ((context: Context) => number | undefined) | undefined
  /** Milliseconds before that, at which the client is told. Default 30,000. */
  readonly notice?: number | undefined
  /** Whether a client may become who it is now; true says so. Default: anybody whom `authenticate` lets in. */
  readonly same?: ((before: Context, now: Context) => boolean) | undefined
  /** Milliseconds that `authenticate` has for a renewal. Default 10,000. */
  readonly timeout?: number | undefined
}

/** Renewals of one client that may wait. */
const MOST = 10

/** Characters of why it was refused. */
const MESSAGE = 1_000

/** So many milliseconds before the end, or half of the notice, something is written that a client which is there answers. */
const PROBE = 5_000

/** What one client shows while it is connected, and the time until that is worth nothing. */
export class Renewals<Context> {
  readonly #peer: Peer<Context>
  readonly #lane: Lane
  readonly #options: Filled<AuthenticateServerOptions<Context>>
  #waiting = 0
  /** One after the other: what was shown last counts. */
  #line = Promise.resolve()
  #timer: ReturnType<typeof setTimeout> | undefined
  /** The end that the client was told of, and the one before which it was to answer something; and whether it has. */
  #told: number | undefined
  #probed: number | undefined
  #answered = false

  constructor(peer: Peer<Context>, lane: Lane, options: Filled<AuthenticateServerOptions<Context>>) {
    this.#peer = peer
    this.#lane = lane
    this.#options = options
  }

  heard(text: unknown): void {
    const [number, auth] = packetOf(text) ?? []
    this.#answered ||= number === 0
    if (!number) return
    if (this.#waiting >= MOST) return this.#answer(number, new AnywireError(ERR_LIMIT, 'of renewals'))
    this.#waiting++
    this.#line = this.#line.then(async () => {
      this.#answer(number, await this.#judge(auth))
      this.#waiting--
    })
  }

  /**
   * Looks when the client's time is over. To be called when its context has changed.
   * @param waited - it has shown nothing else since
   */
  watch(waited = false): void {
    const { notice } = this.#options
    const probe = Math.min(PROBE, notice / 2)
    clearTimeout(this.#timer)
    const end = this.#end()
    // Who is away is judged when it comes back.
    if (end === Infinity || this.#peer.state !== 'open') return
    const left = end - Date.now()
    if (left <= 0) return this.#over(waited)
    if (left <= notice && this.#told !== end) {
      this.#told = end
      this.#write([0, left])
    }
    // Also where the notice comes that late: no client answers that.
    if (left <= probe && this.#probed !== end) {
      this.#probed = end
      this.#answered = false
      this.#write([0])
    }
    const next = [notice, probe].find(time => time < left) ?? 0
    this.#timer = setTimeout(() => this.watch(true), Math.min(left - next, LONGEST))
    this.#timer.unref?.()
  }

  /** The client has a wire. What it does with a notice ends with the wire that brought it. */
  back(): void {
    this.#told = this.#probed = undefined
    this.watch()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  /**
   * Nothing more is told to a client from here on. One that has neither answered nor acknowledged everything may be away, and nobody has
   * noticed yet: it may come back, and is judged then.
   */
  #over(waited: boolean): void {
    const { plain, bufferedBytes } = this.#peer
    if (waited && bufferedBytes && !plain && !this.#answered) this.#peer.disconnect()
    else this.#peer.expire()
  }

  /** What cannot be told counts as over. */
  #end(): number {
    try {
      const end = this.#options.expires(this.#peer.context) ?? Infinity
      if (end > 0) return end
      throw new TypeError(`'expires' returned ${end}`)
    } catch (error) {
      this.#report(error)
      return 0
    }
  }

  /** @returns why it was refused */
  async #judge(auth: unknown): Promise<AnywireError | undefined> {
    const { same, timeout } = this.#options
    let timer: ReturnType<typeof setTimeout> | undefined
    let late = false
    const expired = new Promise<AnywireError>(resolve => {
      timer = setTimeout(
        () => {
          late = true
          resolve(new AnywireError(ERR_TIMEOUT))
        },
        Math.min(timeout, LONGEST)
      )
    })
    const judge = async (): Promise<AnywireError | undefined> => {
      try {
        // Contexts are what the server's `authenticate` returns.
        await this.#peer.reauthenticate(auth, (now, before) => !late && same(before as Context, now as Context))
        this.watch()
        return undefined
      } catch (error) {
        if (error instanceof AnywireError) return error
        this.#report(error)
        return new AnywireError(ERR_UNAUTHORIZED)
      }
    }
    try {
      return await Promise.race([judge(), expired])
    } finally {
      clearTimeout(timer)
    }
  }

  #answer(number: number, error: AnywireError | undefined): void {
    // The application may say anything, and the client takes no message of any length.
    this.#write(error ? [number, error.code, error.message.slice(0, MESSAGE)] : [number])
  }

  #write(packet: readonly unknown[]): void {
    if (this.#peer.state !== 'closed') this.#lane.write(JSON.stringify(packet))
  }

  #report(error: unknown): void {
    if (this.#peer instanceof Emitter) this.#peer.failed(error, 'authenticate')
    else print(error)
  }
}
