import type { Listenable, WriteOptions } from './connection.ts'
import { Emitter } from './emitter.ts'

export interface LaneEvents {
  /** A value of the plugin's other half arrived. */
  data: [value: unknown]
}

/** A plugin's own stream of values within a connection, apart from the application's and from other plugins'. */
export interface Lane extends Listenable<LaneEvents> {
  /**
   * Whether there is a session, and the other end has the plugin too. On a client: from `open` until the session is over,
   * also while it is away.
   */
  readonly connected: boolean
  /**
   * As `Connection.write`. On a lane that is not connected the value is dropped, and false returned: which lanes there are the
   * server tells when a session begins. A client's half writes again what it still wants on `open` with `recovered: false`.
   */
  write(value: unknown, options?: WriteOptions): boolean
  /** Tells the connection's `error` what a function of the application threw, or rejected with; `stage` is what it was for. */
  failed(error: unknown, stage: string): void
}

/** What a lane needs of its connection. */
interface LaneHost {
  transmit(lane: number, value: unknown, options?: WriteOptions): boolean
  failed(error: unknown, event: string): void
}

export class LaneEnd extends Emitter<LaneEvents> implements Lane {
  /** What the lane is called on the wire; 0 while the other end does not have the plugin. */
  number = 0
  readonly #host: LaneHost

  constructor(host: LaneHost) {
    super()
    this.#host = host
  }

  get connected(): boolean {
    return !!this.number
  }

  write(value: unknown, options?: WriteOptions): boolean {
    return this.connected && this.#host.transmit(this.number, value, options)
  }

  override failed(error: unknown, stage: string): void {
    this.#host.failed(error, stage)
  }
}

/** Connects the lanes of plugins that the other end has too: their numbers are their places among its names. */
export const connectLanes = (ends: ReadonlyMap<string, LaneEnd>, names: readonly string[]): LaneEnd[] => {
  const lanes: LaneEnd[] = []
  for (const [name, end] of ends) {
    end.number = names.indexOf(name) + 1
    lanes[end.number] = end
  }
  return lanes
}
