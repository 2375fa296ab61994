import type { Run } from '../run.ts'

/** How many runs a block holds. */
const BLOCK = 32

interface Block {
  readonly runs: (Run | undefined)[]
  next: Block | undefined
}

/** Copied for each block: that is much quicker than to make one step by step. */
const EMPTY: readonly undefined[] = Array.from({ length: BLOCK })

const block = (): Block => ({ runs: EMPTY.slice(), next: undefined })

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
    return this.#head?.runs[this.#start]
  }

  push(run: Run): void {
    if (!this.#tail || this.#end === BLOCK) {
      const added = block()
      if (this.#tail) this.#tail.next = added
      else this.#head = added
      this.#tail = added
      this.#end = 0
    }
    this.#tail.runs[this.#end++] = run
  }

  shift(): Run | undefined {
    const run = this.first
    if (!this.#head || !run) return undefined
    this.#head.runs[this.#start++] = undefined
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
      for (const run of block.runs) if (run) yield run
    }
  }
}
