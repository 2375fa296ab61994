import { makeDeadlines } from '../../lib/deadlines.ts'
import type { Deadlines, Timed } from '../../lib/deadlines.ts'
import { ERR_CALL_TIMEOUT } from '../../lib/failures.ts'
import { Answers } from '../../lib/asked-again.ts'
import type { Peer } from '../../lib/server/peer.ts'
import { because } from './error.ts'
import type { Run } from './run.ts'
import { extrasOf } from './wire.ts'
import type { Asked } from './wire.ts'

/** The handlers that one caller has at work, and how long they may be. */
export class Work {
  readonly #limit: number
  readonly #deadline: number
  readonly #runs = new Set<Run<Peer>>()
  readonly #timed = new Set<Timed>()
  readonly #deadlines: Deadlines = makeDeadlines(() => this.#timed)
  readonly #answers = new Answers()
  /** Those too whose callers went away. */
  #busy = 0

  /** @param deadline - milliseconds */
  constructor(limit: number, deadline: number) {
    this.#limit = limit
    this.#deadline = deadline
  }

  get full(): boolean {
    return this.#busy >= this.#limit
  }

  /** A handler takes its time: `later` resolves when it is done. */
  began(run: Run<Peer>, later: Promise<void>, packet: Asked): void {
    const [timeout] = extrasOf(packet)
    const time = typeof timeout === 'number' && timeout > 0 ? Math.min(timeout, this.#deadline) : this.#deadline
    const timed: Timed = {
      deadline: performance.now() + time,
      expire: () => {
        this.#timed.delete(timed)
        // A stream may take as long as it likes.
        if (run.streams) return
        run.threw(because(ERR_CALL_TIMEOUT, run.name))
        run.abort(ERR_CALL_TIMEOUT)
      }
    }
    this.#busy++
    this.#runs.add(run)
    this.#timed.add(timed)
    this.#deadlines.watch(timed.deadline)
    void later.then(() => {
      this.#busy--
      this.#runs.delete(run)
      this.#timed.delete(timed)
      if (!this.#timed.size) this.#deadlines.look()
    })
  }

  /** Ends the streams that their caller may not have any more, also those to come. */
  async judge(allows: (run: Run<Peer>) => boolean | Promise<boolean>): Promise<void> {
    const asked = this.#answers.ask()
    await Promise.all(
      [...this.#runs].map(async run => {
        run.doubt()
        const fate = this.#answers.fate(run, asked, await allows(run))
        if (fate) run.judged(fate)
      })
    )
  }

  /** Nobody waits any more. */
  stop(): void {
    this.#timed.clear()
    this.#deadlines.look()
  }
}
