/** What happened since the server was made, and how much there is now: for metrics. */
export interface RecordsCounters {
  /** Clients that are connected. */
  readonly followers: number
  /** Records in memory. */
  readonly cached: number
  readonly commits: number
  /** Writes that were decided. */
  readonly writes: number
  /** Of those, what was refused or done with another stamp, by code; record by record. */
  readonly results: ReadonlyMap<string, number>
  /** Tombstones that are forgotten. */
  readonly collected: number
  /** Scopes of which clients had something else than the server, and were told all anew. */
  readonly diverged: number
}

/** What is counted on the way. */
export class Tally {
  commits = 0
  writes = 0
  collected = 0
  diverged = 0
  readonly results = new Map<string, number>()

  /** Codes are those of the table of failures, or a hook's: no more than a few. */
  refused(code: string): void {
    if (this.results.size < MOST || this.results.has(code)) this.results.set(code, (this.results.get(code) ?? 0) + 1)
  }
}

const MOST = 100
