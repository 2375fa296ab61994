import { Run } from '../run.ts'
import type { Data } from '../transformer.ts'

/** A run; or a message alone, counted, which is a run of its own. */
type Entry = Run | Data

/** How many entries a block holds. */
const BLOCK = 32

interface Block {
  readonly entries: (Entry | undefined)[]
  next: Block | undefined
}

/** Copied for each block: that is much quicker than to make one step by step. */
const EMPTY: readonly undefined[] = Array.from({ length: BLOCK })

const block = (): Block => ({ entries: EMPTY.slice(), next: undefined })

/**
 * Runs, first in, first out. They stand in blocks: an array for each connection would be copied as it grows, and a list
 * entry for each run would be one more object that lives for seconds.
 */
export class RunLog implements Iterable<Run> {
  #head: Block | undefined
  #tail: Block | undefined
  /** Where in the first block the first run stands, and where in the last block the next one goes. */
  #start = 0
  #end = 0

  get first(): Run | undefined {
    return runOf(this.#head?.entries[this.#start])
  }

  /**
   * Adds a run that was sent. One message that nobody shares is kept without its run: these live so long that each object is
   * moved by the collector of garbage, and half as many cost half as much.
   */
  keep(run: Run): void {
    this.push(run.length === 1 && !run.shared ? run.data : run)
  }

  push(entry: Entry): void {
    if (!this.#tail || this.#end === BLOCK) {
      const added = block()
      if (this.#tail) this.#tail.next = added
      else this.#head = added
      this.#tail = added
      this.#end = 0
    }
    this.#tail.entries[this.#end++] = entry
  }

  /** Takes the first run, if it has no more than so many counted messages. */
  shift(most = Infinity): Run | undefined {
    const run = this.first
    if (!this.#head || !run || run.count > most) return undefined
    this.#head.entries[this.#start++] = undefined
    const last = this.#head === this.#tail
    if (this.#start < (last ? this.#end : BLOCK)) return run
    // The last block goes too: a connection that is up to date holds none.
    this.#head = this.#head.next
    this.#start = 0
    if (last) this.#tail = undefined
    return run
  }

  *[Symbol.iterator](): IterableIterator<Run> {
    for (let block = this.#head; block; block = block.next) {
      for (const entry of block.entries) {
        const run = runOf(entry)
        if (run) yield run
      }
    }
  }
}

const runOf = (entry: Entry | undefined): Run | undefined =>
  entry === undefined || entry instanceof Run ? entry : new Run(undefined, entry, true)
