/** What happened since the server was made: for metrics. Read it whenever you like; it is the same object all the time. */
export interface Counters {
  /** Clients that were accepted: as many as `connection` was told. */
  readonly connections: number
  /** Sessions that went on over another wire. */
  readonly recovered: number
  /** Clients that were refused, by the close code of the reason. */
  readonly refused: ReadonlyMap<number, number>
  /** Connections that ended, by close code. */
  readonly closed: ReadonlyMap<number, number>
}

export class Tally implements Counters {
  connections = 0
  recovered = 0
  readonly refused = new Map<number, number>()
  readonly closed = new Map<number, number>()
}

/** Counts one more. Codes are four digits, so there are never many. */
export const count = (counts: Map<number, number>, code: number): void => {
  counts.set(code, (counts.get(code) ?? 0) + 1)
}
