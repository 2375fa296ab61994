import { Run } from '../run.ts'
import type { Data } from '../transformer.ts'

/**
 * A message encoded once for many connections. Each node of the trie of runs remembers which node follows by which
 * frame, so connections that were sent the same frames in the same order end up at the same node: DESIGN, "the hot path".
 */
export class Frame {
  readonly data: Data
  readonly counted: boolean
  #first: SharedRun | undefined

  constructor(data: Data, counted: boolean) {
    this.data = data
    this.counted = counted
  }

  /** The run with this frame added: shared, unless `run` is one connection's own. */
  after(run: Run | undefined): Run {
    if (run === undefined) return (this.#first ??= new SharedRun(undefined, this.data, this.counted))
    return run instanceof SharedRun ? run.follow(this) : new Run(run, this.data, this.counted)
  }
}

class SharedRun extends Run {
  #frame: Frame | undefined
  #next: SharedRun | undefined
  #others: Map<Frame, SharedRun> | undefined
  #compute: unknown
  #computed: unknown

  follow(frame: Frame): SharedRun {
    if (this.#frame === frame && this.#next) return this.#next
    let next = this.#others?.get(frame)
    if (next) return next
    next = new SharedRun(this, frame.data, frame.counted)
    if (this.#frame) (this.#others ??= new Map()).set(frame, next)
    else {
      this.#frame = frame
      this.#next = next
    }
    return next
  }

  override get shared(): boolean {
    return true
  }

  override memo<T>(compute: (run: Run) => T): T {
    // What is kept under a function is what that function returned.
    if (this.#compute === compute) return this.#computed as T
    const computed = compute(this)
    this.#compute = compute
    this.#computed = computed
    return computed
  }
}
