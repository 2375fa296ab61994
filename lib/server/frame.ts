import { Run } from '../run.ts'
import type { Data } from '../transformer.ts'

/**
 * A message encoded once for many connections. It remembers which run follows by it on which other one, so connections
 * that were sent the same frames in the same order end up at the same run: DESIGN, "the hot path". Runs know only what is
 * before them: a run that one slow peer keeps does not keep what others were sent behind it.
 */
export class Frame {
  readonly data: Data
  readonly counted: boolean
  #bytes: number | undefined
  /** The run that begins with this frame. */
  #first: SharedRun | undefined
  /** A run and what follows on it, as for most connections; and the other ones. */
  #before: SharedRun | undefined
  #after: SharedRun | undefined
  #others: Map<SharedRun, SharedRun> | undefined

  constructor(data: Data, counted: boolean) {
    this.data = data
    this.counted = counted
  }

  /** The size on a wire, in bytes. */
  get bytes(): number {
    return (this.#bytes ??= byteLength(this.data))
  }

  /** The run with this frame added: shared, unless `run` is one connection's own. */
  after(run: Run | undefined): Run {
    if (run === undefined) return (this.#first ??= new SharedRun(undefined, this.data, this.counted))
    if (run === this.#before && this.#after) return this.#after
    return run instanceof SharedRun ? this.#follow(run) : new Run(run, this.data, this.counted)
  }

  #follow(run: SharedRun): SharedRun {
    let next = this.#others?.get(run)
    if (next) return next
    next = new SharedRun(run, this.data, this.counted)
    if (this.#before) (this.#others ??= new Map()).set(run, next)
    else {
      this.#before = run
      this.#after = next
    }
    return next
  }
}

/** How many bytes a message has on a wire. */
export const byteLength = (data: Data): number => (typeof data === 'string' ? Buffer.byteLength(data) : data.length)

/** What was computed of a run, and with which function: there are as many as kinds of wires. */
interface Memo {
  readonly compute: unknown
  readonly value: unknown
  readonly next: Memo | undefined
}

class SharedRun extends Run {
  #memo: Memo | undefined

  override get shared(): boolean {
    return true
  }

  override memo<T>(compute: (run: Run) => T): T {
    for (let memo = this.#memo; memo; memo = memo.next) {
      // What is kept under a function is what that function returned.
      if (memo.compute === compute) return memo.value as T
    }
    const value = compute(this)
    this.#memo = { compute, value, next: this.#memo }
    return value
  }
}
