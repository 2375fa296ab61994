import { sizeOf } from './outbox.ts'
import type { Data } from './transformer.ts'

/**
 * Messages that leave together: a run is its parent's messages and one more. Runs are immutable, so connections that were
 * sent the same messages can share one (lib/server/frame.ts), and the recovery log can keep it as it was sent.
 */
export class Run {
  readonly parent: Run | undefined
  readonly data: Data
  /** Whether the receiver counts the last message. Unreliable ones are not counted, and never sent again. */
  readonly counted: boolean
  /** How many messages are in the run. */
  readonly length: number
  /** How many of them are counted. */
  readonly count: number
  /** The cost of holding the run, in bytes. */
  readonly size: number

  constructor(parent: Run | undefined, data: Data, counted: boolean) {
    this.parent = parent
    this.data = data
    this.counted = counted
    this.length = parent ? parent.length + 1 : 1
    this.count = (parent ? parent.count : 0) + (counted ? 1 : 0)
    this.size = (parent ? parent.size : 0) + sizeOf(data)
  }

  /** The messages in order. */
  messages(): Data[] {
    return this.#nodes().map(node => node.data)
  }

  /** The counted messages from number `from` (inclusive) to `to` (exclusive). */
  reliable(from = 0, to?: number): Data[] {
    return this.#nodes()
      .filter(node => node.counted)
      .slice(from, to)
      .map(node => node.data)
  }

  /** Whether other connections may be sent this very run. */
  get shared(): boolean {
    return false
  }

  /** Computes something of the run. A shared run remembers it for the next one that asks with the same function. */
  memo<T>(compute: (run: Run) => T): T {
    return compute(this)
  }

  #nodes(): Run[] {
    const nodes: Run[] = []
    for (let run: Run | undefined = this; run; run = run.parent) nodes.push(run)
    return nodes.reverse()
  }
}
