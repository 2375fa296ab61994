import type { Commit, Row } from '../../../lib/store.ts'
import { MOST_DELAY, Pause } from './pause.ts'

/** How long to wait after a commit that failed, in milliseconds; doubled each time. */
const FIRST_DELAY = 500

/** What is to be written: for each record and path, with NUL between them, a register; or only where it was, and goes. */
type Rows = Map<string, Row | readonly [record: string, path: string]>

/**
 * Writes to a store in groups: what comes while a commit is under way is in the next one. What could not be written stays, and is
 * tried again together with what came meanwhile.
 */
export class Committer {
  readonly #write: (commit: Commit, purged: ReadonlySet<string>) => Promise<void>
  readonly #failed: (error: unknown) => void
  #rows: Rows = new Map()
  #entries = new Map<string, unknown>()
  #names = new Set<string>()
  #done: (() => void)[] = []
  #running: Promise<void> | undefined
  readonly #pause = new Pause()
  #isClosed = false

  /** @param write - with the names of what is to be removed as far as it should not be there */
  constructor(write: (commit: Commit, purged: ReadonlySet<string>) => Promise<void>, failed: (error: unknown) => void) {
    this.#write = write
    this.#failed = failed
  }

  row(record: string, path: string, row: Row | undefined): void {
    this.#rows.set(`${record}\0${path}`, row ?? [record, path])
    this.#start()
  }

  /** @param value - undefined removes it */
  entry(key: string, value: unknown): void {
    this.#entries.set(key, value)
    this.#start()
  }

  /** Of a record or collection what should not be there is removed. */
  purge(name: string): void {
    this.#names.add(name)
    this.#start()
  }

  /** Calls when all is written that was given so far. */
  after(done: () => void): void {
    this.#done.push(done)
    this.#start()
  }

  /** Resolves when nothing waits to be written. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  /** Tries once more to write what waits, and then no more. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#pause.end()
    await this.idle()
  }

  #start(): void {
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    // All of a turn is one commit.
    await Promise.resolve()
    let delay = FIRST_DELAY
    while (this.#rows.size || this.#entries.size || this.#names.size || this.#done.length) {
      const [rows, entries, names, done] = [this.#rows, this.#entries, this.#names, this.#done]
      this.#rows = new Map()
      this.#entries = new Map()
      this.#names = new Set()
      this.#done = []
      try {
        await this.#write(toCommit(rows, entries), names)
      } catch (error) {
        this.#putBack(rows, entries, done)
        for (const name of names) this.#names.add(name)
        this.#failed(error)
        if (this.#isClosed) break
        await this.#pause.wait(delay)
        delay = Math.min(MOST_DELAY, delay * 2)
        continue
      }
      delay = FIRST_DELAY
      for (const call of done) {
        try {
          call()
        } catch (error) {
          // It is stored; what a listener makes of that holds nothing up.
          this.#failed(error)
        }
      }
    }
    // In the same step in which nothing is left: what comes next starts it again.
    this.#running = undefined
  }

  /** What came meanwhile is newer. */
  #putBack(rows: Rows, entries: Map<string, unknown>, done: (() => void)[]): void {
    this.#rows = new Map([...rows, ...this.#rows])
    this.#entries = new Map([...entries, ...this.#entries])
    this.#done = [...done, ...this.#done]
  }
}

const toCommit = (all: Rows, entries: ReadonlyMap<string, unknown>): Commit => {
  const rows: Row[] = []
  const removed: (readonly [string, string])[] = []
  for (const row of all.values()) {
    if ('path' in row) rows.push(row)
    else removed.push(row)
  }
  return { rows, removed, entries: [...entries] }
}
