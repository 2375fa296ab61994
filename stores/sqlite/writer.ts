import type { Database, Statement } from './driver.ts'
import type { PackedCommit } from './messages.ts'

/** Writes commits: many in one transaction, and so with one wait for the disk. */
export class Writer {
  readonly #database: Database
  readonly #write: Statement
  readonly #remove: Statement
  readonly #writeEntry: Statement
  readonly #removeEntry: Statement

  constructor(database: Database) {
    this.#database = database
    this.#write = database.prepare('INSERT OR REPLACE INTO fields VALUES (?, ?, ?, ?, ?, ?, ?)')
    this.#remove = database.prepare('DELETE FROM fields WHERE record = ? AND path = ?')
    this.#writeEntry = database.prepare('INSERT OR REPLACE INTO entries VALUES (?, ?)')
    this.#removeEntry = database.prepare('DELETE FROM entries WHERE key = ?')
  }

  /** @returns what each one failed with: one that cannot be kept does not harm the others */
  commit(commits: readonly PackedCommit[]): unknown[] {
    const error = this.#attempt(commits)
    if (error === undefined || commits.length === 1) return commits.map(() => error)
    return commits.map(commit => this.#attempt([commit]))
  }

  #attempt(commits: readonly PackedCommit[]): unknown {
    try {
      this.#database.exec('BEGIN IMMEDIATE')
      for (const commit of commits) this.#apply(commit)
      this.#database.exec('COMMIT')
      return undefined
    } catch (error) {
      this.#rollBack()
      return error
    }
  }

  #apply({ rows, removed, entries }: PackedCommit): void {
    for (const place of removed) this.#remove.run(...place)
    for (const row of rows) this.#write.run(...row)
    for (const [key, value] of entries) {
      if (value === null) this.#removeEntry.run(key)
      else this.#writeEntry.run(key, value)
    }
  }

  #rollBack(): void {
    try {
      this.#database.exec('ROLLBACK')
    } catch {
      // SQLite has done it already, as it does when the disk is full.
    }
  }
}
