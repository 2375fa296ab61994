import { ERR_SESSION_LOST } from '../failures.ts'
import type { Goodbye } from '../handshake.ts'

/** A session whose client may come back. */
export interface Absent {
  /** The bytes that are kept for it. */
  readonly held: number
  leave(goodbye: Goodbye): void
}

const LOST: Goodbye = [ERR_SESSION_LOST[1], ERR_SESSION_LOST[2], 0]

/** The sessions that wait for their clients: so many, and so many bytes. Past either the one that left first is given up. */
export class AwaySessions<S extends Absent> {
  readonly #sessions: number
  readonly #limit: number
  /** With the bytes that were counted for each; the one that left first first. */
  readonly #counted = new Map<S, number>()
  #bytes = 0

  constructor(sessions: number, bytes: number) {
    this.#sessions = sessions
    this.#limit = bytes
  }

  add(session: S): void {
    this.#counted.set(session, 0)
    this.update(session)
  }

  /** What is held for a session has changed. */
  update(session: S): void {
    const before = this.#counted.get(session)
    if (before === undefined) return
    const { held } = session
    this.#counted.set(session, held)
    this.#bytes += held - before
    while (this.#counted.size > this.#sessions || this.#bytes > this.#limit) {
      const [oldest] = this.#counted.keys()
      if (!oldest) return
      this.giveUp(oldest)
    }
  }

  giveUp(session: S): void {
    this.delete(session)
    session.leave(LOST)
  }

  /** @returns whether it was there */
  delete(session: S): boolean {
    this.#bytes -= this.#counted.get(session) ?? 0
    return this.#counted.delete(session)
  }
}
