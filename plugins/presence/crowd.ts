import type { Parser } from '../../lib/parser.ts'
import type { Peer } from '../../lib/server/peer.ts'
import { addTo, removeFrom } from '../../lib/sets.ts'
import type { Row } from './wire.ts'

/** One who is in a place, over one or more connections. */
interface Person {
  /** What each connection said last; the last one that said something is the last of them. */
  readonly said: Map<Peer, unknown>
}

/** Who is in a place, and who watches it. */
export class Crowd {
  readonly name: string
  /** When watchers were last told something, as `performance.now()` has it. */
  told = -Infinity
  /** By parser: what one of them cannot carry is told to others as it is. */
  readonly #watchers = new Map<Parser, Set<Peer>>()
  readonly #people = new Map<string, Person>()
  /** Those who have changed since the watchers were told. */
  readonly #changed = new Set<string>()

  constructor(name: string) {
    this.name = name
  }

  /** Nobody is here or looks. */
  get isEmpty(): boolean {
    return this.#people.size === 0 && this.#watchers.size === 0
  }

  get hasChanged(): boolean {
    return this.#changed.size > 0
  }

  /** The watchers, those together who have the same parser. */
  get audiences(): Iterable<ReadonlySet<Peer>> {
    return this.#watchers.values()
  }

  watch(peer: Peer): void {
    addTo(this.#watchers, peer.parser, peer)
  }

  unwatch(peer: Peer): void {
    removeFrom(this.#watchers, peer.parser, peer)
  }

  /** Someone is here, or says something else of themselves. */
  enter(identity: string, peer: Peer, data: unknown): void {
    let person = this.#people.get(identity)
    if (!person) this.#people.set(identity, (person = { said: new Map() }))
    person.said.delete(peer)
    person.said.set(peer, data)
    this.#changed.add(identity)
  }

  /** Someone is here again, and says nothing new: what their other connections say counts. */
  comeBack(identity: string, peer: Peer, data: unknown): void {
    const said = new Map([[peer, data], ...(this.#people.get(identity)?.said ?? [])])
    this.#people.set(identity, { said })
    this.#changed.add(identity)
  }

  leave(identity: string, peer: Peer): void {
    const person = this.#people.get(identity)
    if (!person?.said.delete(peer)) return
    if (person.said.size === 0) this.#people.delete(identity)
    this.#changed.add(identity)
  }

  /** All who are here. */
  rows(): Row[] {
    return [...this.#people.keys()].map(identity => this.row(identity))
  }

  /** Whoever watches may know of these: those who are here, and those who have left and were not told yet. */
  get known(): ReadonlySet<string> {
    return new Set([...this.#people.keys(), ...this.#changed])
  }

  /** Those who have changed since this was asked last. */
  takeChanges(): Row[] {
    const rows = [...this.#changed].map(identity => this.row(identity))
    this.#changed.clear()
    return rows
  }

  row(identity: string): Row {
    const said = this.#people.get(identity)?.said
    const data = said && [...said.values()].at(-1)
    if (!said) return [identity, 0]
    return data === undefined ? [identity, said.size] : [identity, said.size, data]
  }
}
