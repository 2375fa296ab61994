import { Run } from '../run.ts'
import type { Data } from '../transformer.ts'

/** A run; or a message alone, counted, which is a run of its own. */
type Entry = Run | Data

/** How many entries a block holds. */
const BLOCK = 32

/** The largest run of a shared block, in bytes: who is slow keeps the block, and what stands there for others. */
const SMALL = 4_096

/** Copied for each block: that is much quicker than to make one step by step. */
const EMPTY: readonly undefined[] = Array.from({ length: BLOCK })

interface Block {
  readonly entries: (Entry | undefined)[]
  /** Whether other logs have it too. To those it only grows. */
  readonly shared: boolean
}

const block = (shared: boolean): Block => ({ entries: EMPTY.slice(), shared })

/**
 * The block of the logs that begin one with this run. A run does not keep it: a slow peer that keeps the run would keep what
 * others were sent behind it, block by block.
 */
const beginning = (): WeakRef<Block> => new WeakRef(block(true))

/**
 * Runs, first in, first out. They stand in blocks: an array for each connection would be copied as it grows, and a list
 * entry for each run would be one more object that lives for seconds.
 *
 * Logs that keep the same runs share blocks: the first one adds a run, and to the others it is there already. All that it
 * costs them is to count on. To look for a block of each peer's own in memory takes longer than all else that a broadcast
 * does here.
 */
export class RunLog implements Iterable<Run> {
  /** The last block, its entries, and how many of them are in this log. */
  #last: Block | undefined
  #entries: readonly (Entry | undefined)[] = EMPTY
  #end = 0
  /** The full blocks before it; and where in the first block the first run stands. */
  #full: Block[] | undefined
  #start = 0

  get first(): Run | undefined {
    return runOf(this.#first?.entries[this.#start])
  }

  /**
   * Adds a run that was sent. One message that nobody shares is kept without its run: these live so long that each object is
   * moved by the collector of garbage, and half as many cost half as much.
   */
  keep(run: Run): void {
    if (this.#end < BLOCK && this.#entries[this.#end] === run) this.#end++
    else if (run.shared && run.size <= SMALL) this.#add(run, run)
    else this.#add(run.length === 1 && !run.shared ? run.data : run)
  }

  push(run: Run): void {
    this.#add(run)
  }

  empty(): void {
    this.#full = undefined
    this.#start = 0
    this.#open(undefined)
  }

  /** Takes the first run, if it has no more than so many counted messages. */
  shift(most = Infinity): Run | undefined {
    const block = this.#first
    const run = this.first
    if (!block || !run || run.count > most) return undefined
    if (!block.shared) block.entries[this.#start] = undefined
    this.#start++
    if (this.#start === (this.#full ? BLOCK : this.#end)) this.#drop()
    return run
  }

  *[Symbol.iterator](): IterableIterator<Run> {
    let at = this.#start
    for (const { entries } of this.#full ?? []) {
      yield* runsOf(entries.slice(at))
      at = 0
    }
    yield* runsOf(this.#last?.entries.slice(at, this.#end) ?? [])
  }

  get #first(): Block | undefined {
    return this.#full ? this.#full[0] : this.#last
  }

  /** @param sharing - the run that is added, if it may stand in a shared block */
  #add(entry: Entry, sharing?: Run): void {
    if (this.#last && this.#end === BLOCK) {
      this.#full ??= []
      this.#full.push(this.#last)
      this.#open(undefined)
    }
    let last = this.#last ?? this.#open(sharing?.memo(beginning).deref() ?? block(false))
    const there = last.entries[this.#end]
    if (there !== entry) {
      if (last.shared && (there || !sharing)) last = this.#open(this.#own(last), this.#end)
      last.entries[this.#end] = entry
    }
    this.#end++
  }

  /** Others went on with a block in another way than this log does: it gets one of its own. */
  #own({ entries }: Block): Block {
    const own = block(false)
    for (let at = this.#full ? 0 : this.#start; at < this.#end; at++) own.entries[at] = entries[at]
    return own
  }

  /** The first block is empty. The last one goes too: a connection that is up to date holds none. */
  #drop(): void {
    this.#start = 0
    if (this.#full) {
      this.#full.shift()
      if (!this.#full.length) this.#full = undefined
    } else {
      this.#open(undefined)
    }
  }

  /** Goes on with a block of which so much is in this log. */
  #open<B extends Block | undefined>(block: B, end = 0): B {
    this.#last = block
    this.#entries = block?.entries ?? EMPTY
    this.#end = end
    return block
  }
}

const runOf = (entry: Entry | undefined): Run | undefined =>
  entry === undefined || entry instanceof Run ? entry : new Run(undefined, entry, true)

const runsOf = (entries: readonly (Entry | undefined)[]): Run[] => entries.map(runOf).filter(run => run !== undefined)
