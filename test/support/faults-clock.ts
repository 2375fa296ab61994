import sinon from 'sinon'
import type { SinonFakeTimers } from 'sinon'
import type { Use } from './faults-guard.ts'
import { turns } from './faults-wait.ts'

/** Timers and clocks that stand still until a test moves them; turns of the event loop go on. */
export class Clock {
  readonly #timers: SinonFakeTimers

  /** @param use - takes what sets the real ones back */
  constructor(use: Use) {
    this.#timers = sinon.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
      // Those of the tests before.
      shouldClearNativeTimers: true
    })
    // Servers and clients take their time to end.
    use(() => this.#timers.restore(), true)
  }

  /** Lets so many milliseconds pass, in steps, with turns of the event loop behind each. */
  async pass(time: number, step = time): Promise<void> {
    for (let left = time; left > 0; left -= step) {
      await this.#timers.tickAsync(Math.min(step, left))
      await turns(4)
    }
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.countTimers()
  }
}
