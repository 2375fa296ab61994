import { AnywireError } from '../errors.ts'
import { ERR_CLOSED } from '../failures.ts'
import type { Goodbye } from '../handshake.ts'
import { parseToken } from './ticket.ts'
import type { Ticket } from './ticket.ts'

/** How the application ended a session. */
interface Ended {
  readonly ticket: Ticket
  readonly goodbye: Goodbye
  readonly until: number
}

/** The most that are kept, and for how many milliseconds: sessions may wait for ever, these must not. */
const MOST = 100_000
const LONGEST = 3_600_000

/** Ends that clients may not have heard of, for those who come back to a session that is over: so many, and for so long. */
export class EndedSessions {
  readonly #sessions: number
  readonly #time: number
  /** By the id of the session; the one that ended first first. */
  readonly #ends = new Map<string, Ended>()
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @param time - in milliseconds */
  constructor(sessions: number, time: number) {
    this.#sessions = Math.min(sessions, MOST)
    this.#time = Math.min(time, LONGEST)
  }

  add(id: string, ticket: Ticket, goodbye: Goodbye): void {
    const now = performance.now()
    this.#ends.delete(id)
    this.#ends.set(id, { ticket, goodbye, until: now + this.#time })
    this.#forget(now)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#ends.clear()
  }

  /** Removes what is over, and what is too much. */
  #forget(now: number): void {
    for (const [oldest, { until }] of this.#ends) {
      if (until > now && this.#ends.size <= this.#sessions) break
      this.#ends.delete(oldest)
    }
    if (this.#timer || !this.#ends.size) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#forget(performance.now())
    }, this.#time)
    this.#timer.unref()
  }

  /** Why nobody can go on with a session, where its own client asks. */
  find(token = ''): AnywireError | undefined {
    const [id, secret] = parseToken(token)
    const { ticket, goodbye, until = 0 } = this.#ends.get(id) ?? {}
    if (!goodbye || until < performance.now() || !ticket?.matches(secret)) return undefined
    const [code, reason] = goodbye
    return new AnywireError([ERR_CLOSED[0], code, reason])
  }
}
