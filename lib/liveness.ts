import type { Session } from './session.ts'

type Timer = ReturnType<typeof setTimeout>

/** Milliseconds for the answer to a probe. */
const PROBE = 5_000

/** Notices on a client that a wire is dead: nothing was heard although the server should have said something. */
export class Liveness {
  readonly #dead: () => void
  #session: Session | undefined
  #interval: Timer | undefined
  #probe: Timer | undefined

  constructor(dead: () => void) {
    this.#dead = dead
  }

  /** Watches a session's wire. `heartbeat`: milliseconds within which the server says something; 0: it need not. */
  watch(session: Session, heartbeat: number): void {
    this.stop()
    this.#session = session
    if (heartbeat > 0) this.#interval = setInterval(() => this.#look(), heartbeat)
  }

  stop(): void {
    clearInterval(this.#interval)
    clearTimeout(this.#probe)
    this.#interval = this.#probe = this.#session = undefined
  }

  /** Asks for a sign of life within `timeout` milliseconds. */
  probe(timeout = PROBE): void {
    const session = this.#session
    if (!session) return
    clearTimeout(this.#probe)
    session.heard = false
    session.ping()
    this.#probe = setTimeout(() => {
      if (!session.heard) this.#dead()
    }, timeout)
  }

  #look(): void {
    if (this.#session?.heard) this.#session.heard = false
    else this.probe()
  }
}
