import { RESTAMP } from '../core/frame.ts'
import type { Delta } from '../core/frame.ts'
import { INCREMENT } from '../core/register.ts'
import type { Entry } from './entry.ts'
import { WINDOW } from './outbox.ts'
import type { WriteId } from './outbox.ts'
import type { Records } from './records.ts'

/** What it needs of its keeper. */
export interface OthersHost {
  readonly records: Records
  /** Whether the authority tells of commits: else what is committed here does not move. */
  readonly isHearing: boolean
  /** Asks the authority, that tells of commits, to tell of a node from a number on too. @returns false: it is told of enough */
  hear(node: string, number: number): boolean
  tell(changed: ReadonlySet<string>): void
}

/** Whether it matters how often a write is done. */
const isCount = ({ records }: Entry): boolean =>
  records.some(({ registers }) => registers.some(({ kind }) => kind === INCREMENT))

/** The node of another tab. */
interface Other {
  /** What it wrote, and the authority has not said to be decided, by number. */
  readonly entries: Map<number, Entry>
  /** Up to this number all is decided, and in what is committed here. */
  last: number
  /**
   * What is behind that is not in what is committed here. Otherwise the authority has to say first how far it is: until then nothing is shown
   * that would count twice.
   */
  isSure: boolean
  /** Whether the authority was asked in this session. */
  isAsked: boolean
  /** What is known to be decided: up to a number, in an epoch. */
  told: readonly [number: number, epoch: unknown] | undefined
  /** This tab speaks for it now. */
  isGone: boolean
}

/** Whether there is something to show of it, or may be. */
const isShown = ({ isGone, entries }: Other): boolean => !isGone || entries.size > 0

/**
 * What other tabs that have the same store wrote: this tab shows it, and does not send it. It is shown as long as it is not in what is
 * committed here, so that nothing counts twice; and as soon as it is there, it is not shown any more. Only the authority knows when that is: with
 * what it tells of commits it says how far the nodes are that it was asked about, in the same step. What tabs say to each other comes
 * sooner or later than that.
 */
export class Others {
  readonly #host: OthersHost
  readonly #others = new Map<string, Other>()
  /** Of the authority that has told of commits last; '' for none. */
  #epoch = ''

  constructor(host: OthersHost) {
    this.#host = host
  }

  has(node: string): boolean {
    return this.#others.get(node)?.isGone === false
  }

  /** There is another tab. */
  meet(node: string): Other {
    let other = this.#others.get(node)
    if (!other) {
      other = { entries: new Map(), last: 0, isSure: true, isAsked: false, told: undefined, isGone: false }
      this.#others.set(node, other)
      this.#ask(node, other)
    }
    return other
  }

  /** Another tab has written something; or taken it back. */
  add(entry: Entry): void {
    const { node, number, isVoid } = entry
    const other = this.meet(node)
    // What this tab sends itself it has read from the store.
    if (other.isGone) return
    const changed = new Set<string>()
    this.#drop(other, number, changed)
    if (!isVoid && number > other.last) {
      other.entries.set(number, entry)
      if (other.isSure || !isCount(entry)) this.#host.records.write(entry, changed)
    }
    this.#host.tell(changed)
  }

  /**
   * Another tab was told what became of what it wrote.
   * @param refused - whether the last of it is not done, or not under that number
   * @param epoch - '': it was not the authority who said so
   */
  settle(node: string, number: number, [refused, epoch]: readonly unknown[]): void {
    const other = this.meet(node)
    const changed = new Set<string>()
    if (epoch) other.told = [number, epoch]
    if (refused) this.#drop(other, number, changed)
    this.#host.tell(changed)
  }

  /** The authority has told of commits. @returns what is done of what others wrote, heard of or not */
  reached(pages: readonly Delta[], epoch: string, changed: Set<string>): WriteId[] {
    const done: WriteId[] = []
    const last = pages.at(-1)
    for (const [node, number] of last?.acknowledged ?? []) {
      const other = this.#others.get(node)
      if (!other) continue
      const refused = new Set(
        last?.results.flatMap(({ code, ...result }) => (result.node === node && code !== RESTAMP ? result.number : []))
      )
      for (let at = Math.max(other.last, number - WINDOW) + 1; at <= number; at++)
        if (!refused.has(at)) done.push({ node, number: at })
      other.last = Math.max(other.last, number)
      for (const entry of other.entries.values()) {
        if (entry.number <= number) this.#drop(other, entry.number, changed)
        else if (!other.isSure && isCount(entry)) this.#host.records.write(entry, changed)
      }
      other.isSure = true
    }
    this.#epoch = epoch
    // An authority that was replaced knows nothing of what was decided before.
    for (const other of this.#others.values())
      if (other.told && other.told[1] !== epoch)
        for (const number of other.entries.keys()) if (number <= other.told[0]) this.#drop(other, number, changed)
    return done
  }

  /** What a new session asks of the authority, as far as it is sure what is shown: the rest is asked for behind that. @param most - nodes */
  named(most: number): readonly (readonly [node: string, number: number])[] {
    const named = [...this.#others].filter(([, other]) => other.isSure && isShown(other)).slice(0, most)
    for (const [, other] of this.#others) other.isAsked = false
    for (const [, other] of named) other.isAsked = true
    return named.map(([node, { last }]) => [node, last + 1])
  }

  /** The authority tells of commits again: what it was not asked about may be among them. */
  heard(): void {
    for (const [node, other] of this.#others) if (!other.isAsked && isShown(other)) this.#ask(node, other)
  }

  /**
   * The tab is gone, and this one speaks for its node now.
   * @param queue - what it has left
   * @returns what of that is to be shown
   */
  take(node: string, queue: readonly Entry[], changed: Set<string>): readonly Entry[] {
    const other = this.meet(node)
    for (const { number } of queue) this.#drop(other, number, changed)
    // What the store has not is decided, whoever heard that: it is shown until it is here too.
    other.isGone = true
    other.told = [Infinity, this.#epoch]
    return queue.filter(entry => !entry.isVoid && entry.number > other.last && (other.isSure || !isCount(entry)))
  }

  #ask(node: string, other: Other): void {
    if (!this.#host.isHearing) return
    other.isAsked = this.#host.hear(node, other.last + 1)
    if (!other.isSure) return
    other.isSure = false
    const changed = new Set<string>()
    for (const entry of other.entries.values()) if (isCount(entry)) this.#host.records.settle(entry, changed)
    this.#host.tell(changed)
  }

  #drop({ entries }: Other, number: number, changed: Set<string>): void {
    const entry = entries.get(number)
    if (!entry) return
    entries.delete(number)
    this.#host.records.settle(entry, changed)
  }
}
