import { Emitter } from '../../lib/emitter.ts'
import { print } from '../../lib/print.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Server } from '../../lib/server/server.ts'
import { LONGEST } from '../../lib/timer.ts'
import { Crowd } from './crowd.ts'
import { piecesOf, writeRows } from './pieces.ts'
import type { Row } from './wire.ts'

export interface HallEvents {
  /** Who has changed in a place: once for many changes in a short time. */
  changes: [place: string, rows: readonly Row[]]
}

/** All places of a server. What changes is told to watchers together, once in a while: the latest counts. */
export class Hall extends Emitter<HallEvents> {
  readonly #server: Server
  readonly #interval: number
  readonly #crowds = new Map<string, Crowd>()
  readonly #changed = new Set<Crowd>()
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #complete: number

  /**
   * @param interval - milliseconds between two tellings of a place
   * @param grace - milliseconds until all who were here before it began should be back
   */
  constructor(server: Server, interval: number, grace: number) {
    super()
    this.#server = server
    this.#interval = Math.min(interval, LONGEST)
    this.#complete = performance.now() + Math.min(grace, LONGEST)
  }

  /** Milliseconds for which who was here before may still be on the way back. */
  get grace(): number {
    return Math.ceil(Math.max(0, this.#complete - performance.now()))
  }

  get(place: string): Crowd | undefined {
    return this.#crowds.get(place)
  }

  enter(place: string, identity: string, peer: Peer, data: unknown): void {
    const crowd = this.#crowd(place)
    crowd.enter(identity, peer, data)
    this.#tellSoon(crowd)
  }

  comeBack(place: string, identity: string, peer: Peer, data: unknown): void {
    const crowd = this.#crowd(place)
    crowd.comeBack(identity, peer, data)
    this.#tellSoon(crowd)
  }

  leave(place: string, identity: string, peer: Peer): void {
    const crowd = this.#crowds.get(place)
    crowd?.leave(identity, peer)
    if (crowd) this.#tellSoon(crowd)
  }

  /** @returns who is there: from here on the peer is told what changes */
  watch(place: string, peer: Peer): readonly Row[] {
    const before = this.#crowds.get(place)
    // Who has only just been told is told again in a while, and with them whoever watches from here on.
    if (before?.hasChanged && performance.now() - before.told >= this.#interval) this.#tell(before)
    // A place that everybody has left may be gone once that is told.
    const crowd = this.#crowd(place)
    crowd.watch(peer)
    return crowd.rows()
  }

  unwatch(place: string, peer: Peer): void {
    const crowd = this.#crowds.get(place)
    crowd?.unwatch(peer)
    if (crowd) this.#clean(crowd)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  override failed(error: unknown, event: string): void {
    if (this.#server instanceof Emitter) this.#server.failed(error, event)
    else print(error)
  }

  #crowd(place: string): Crowd {
    let crowd = this.#crowds.get(place)
    if (!crowd) this.#crowds.set(place, (crowd = new Crowd(place)))
    return crowd
  }

  #clean(crowd: Crowd): void {
    if (crowd.isEmpty && !crowd.hasChanged) this.#crowds.delete(crowd.name)
  }

  #tellSoon(crowd: Crowd): void {
    this.#changed.add(crowd)
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      const all = [...this.#changed]
      this.#changed.clear()
      for (const changed of all) if (changed.hasChanged) this.#tell(changed)
    }, this.#interval)
  }

  #tell(crowd: Crowd): void {
    const rows = crowd.takeChanges()
    crowd.told = performance.now()
    const pieces = piecesOf(rows)
    for (const audience of crowd.audiences) {
      const write = (some: readonly Row[]): unknown =>
        this.#server.multicast(audience, [crowd.name, some], { lane: 'presence' })
      for (const piece of pieces) writeRows(piece, write, error => this.failed(error, 'presence'))
    }
    this.#clean(crowd)
    this.emit('changes', crowd.name, rows)
  }
}
