import type { Entry } from './entry.ts'
import type { Records } from './records.ts'
import type { Cursor } from './scope.ts'

/** A write of another tab that is committed: it is shown until its effects are here too. */
interface Settled {
  readonly entry: Entry
  readonly epoch: string
  /** The commit in which its effects are. */
  readonly seq: number
}

/** What other tabs that have the same store wrote, and nobody has committed: this tab shows it, and does not send it. */
export class Others {
  readonly #records: Records
  readonly #tell: (changed: ReadonlySet<string>) => void
  readonly #entries = new Map<string, Map<number, Entry>>()
  /** What was heard of before the write itself was. */
  readonly #last = new Map<string, number>()
  #settled: Settled[] = []

  constructor(records: Records, tell: (changed: ReadonlySet<string>) => void) {
    this.#records = records
    this.#tell = tell
  }

  /** Another tab has written something; or taken it back. */
  add(entry: Entry): void {
    const { node, number, isVoid } = entry
    const entries = this.#entries.get(node) ?? new Map<number, Entry>()
    this.#entries.set(node, entries)
    const before = entries.get(number)
    const changed = new Set<string>()
    if (before) this.#records.settle(before, changed)
    entries.delete(number)
    if (!isVoid && number > (this.#last.get(node) ?? 0)) {
      entries.set(number, entry)
      this.#records.write(entry, changed)
    }
    this.#tell(changed)
  }

  /**
   * What a node wrote, up to a number, is decided.
   * @param refused - the numbers of what was not done
   * @param cursor - where its effects are
   */
  settle(node: string, number: number, refused: readonly unknown[], cursor: Cursor): void {
    this.#last.set(node, Math.max(number, this.#last.get(node) ?? 0))
    const entries = this.#entries.get(node)
    const changed = new Set<string>()
    for (const entry of entries?.values() ?? []) {
      if (entry.number > number) continue
      entries?.delete(entry.number)
      if (refused.includes(entry.number)) this.#records.settle(entry, changed)
      else this.#settled.push({ entry, epoch: cursor.epoch, seq: cursor.since })
    }
    this.#tell(changed)
  }

  /** What is here is this new now; whoever is connected knows no other epoch. */
  reached({ epoch, since }: Cursor, changed: Set<string>): void {
    this.#settled = this.#settled.filter(settled => {
      if (settled.epoch === epoch && settled.seq > since) return true
      this.#records.settle(settled.entry, changed)
      return false
    })
  }

  /** The tab is gone, and this one speaks for its node now. */
  remove(node: string, changed: Set<string>): void {
    for (const entry of this.#entries.get(node)?.values() ?? []) this.#records.settle(entry, changed)
    this.#entries.delete(node)
  }
}
