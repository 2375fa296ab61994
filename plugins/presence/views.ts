import type { Lane } from '../../lib/lane.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Hall } from './hall.ts'
import { piecesOf, writeRows } from './pieces.ts'
import { ROWS } from './wire.ts'
import type { Row } from './wire.ts'

/** What one connection is told of the places that it watches. */
export class Views {
  readonly #hall: Hall
  readonly #peer: Peer
  readonly #lane: Lane
  readonly #isFull: () => boolean
  readonly #isGone: () => boolean
  /** By place that is not told for now: whom its client may know there. */
  readonly #paused = new Map<string, ReadonlySet<string>>()

  /**
   * @param isFull - whether as much waits for the client as may
   * @param isGone - whether the connection is over: others are told first, and may end it
   */
  constructor(hall: Hall, peer: Peer, lane: Lane, isFull: () => boolean, isGone: () => boolean) {
    this.#hall = hall
    this.#peer = peer
    this.#lane = lane
    this.#isFull = isFull
    this.#isGone = isGone
  }

  /**
   * Tells who is in a place, and from here on what changes.
   * @param number - of the request for it
   * @returns false where there is more to tell than may wait
   */
  begin(place: string, number: number): boolean {
    this.#paused.delete(place)
    return this.#tell(place, this.#hall.watch(place, this.#peer), [-number, ROWS])
  }

  /** Tells nothing for now. */
  pause(place: string): void {
    if (this.#paused.has(place)) return
    this.#paused.set(place, new Set(this.#hall.get(place)?.known))
    this.#hall.unwatch(place, this.#peer)
  }

  /**
   * Tells what has changed since it was paused, and goes on.
   * @returns false where there is more to tell than may wait
   */
  resume(place: string): boolean {
    const known = this.#paused.get(place)
    if (!known) return true
    this.#paused.delete(place)
    const rows = this.#hall.watch(place, this.#peer)
    const here = new Set(rows.map(([identity]) => identity))
    const left = [...known].filter(identity => !here.has(identity)).map((identity): Row => [identity, 0])
    return this.#tell(place, [...rows, ...left], [place])
  }

  end(place: string): void {
    this.#paused.delete(place)
    this.#hall.unwatch(place, this.#peer)
  }

  #tell(place: string, rows: readonly Row[], head: readonly unknown[]): boolean {
    for (const piece of piecesOf(rows)) {
      if (this.#isGone()) break
      if (this.#isFull()) return false
      writeRows(
        piece,
        some => this.#lane.write([...head, some]),
        error => this.#lane.failed(error, 'presence')
      )
    }
    if (this.#isGone()) this.end(place)
    return true
  }
}
