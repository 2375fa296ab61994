import type { Range, Row, Store } from '../../../lib/store.ts'
import { collectionOf } from '../core/path.ts'
import type { Entry } from '../core/query.ts'
import { RecordState } from '../core/record-state.ts'
import { changesOf } from './change.ts'
import type { Change } from './change.ts'
import type { Patience } from './patience.ts'
import { isCollection } from './scope.ts'
import type { Settings } from './settings.ts'

/** What is wanted of a record or collection: what was committed behind `since`. */
export interface Want {
  readonly name: string
  readonly since: number
}

/** How many records are read at a time, where all of a collection is wanted. */
const PIECE = 1_000

/** How many different places in the order of commits are read from by themselves. */
const READS = 4

/** Reads from the store what followers have missed: only what is committed is there. */
export class Puller {
  readonly #store: Store
  readonly #patience: Patience

  constructor(store: Store, patience: Patience) {
    this.#store = store
    this.#patience = patience
  }

  /** In pieces. What is committed while it reads may be among it, or not. */
  async *pull(wants: readonly Want[]): AsyncGenerator<readonly Change[], void, undefined> {
    const whole = wants.filter(({ name, since }) => isCollection(name) && since === 0)
    const parts = wants.filter(want => !whole.includes(want))
    const places = [...new Set(parts.map(({ since }) => since))].toSorted((a, b) => a - b)
    // Where many were left at different times, more than is wanted is read at once, and dropped.
    for (const [at, place] of places.slice(0, READS).entries()) {
      const own = parts.filter(({ since }) => since === place || (at === READS - 1 && since > place))
      const rows = await this.#rows(own.map(rangeOf), place)
      const changes = changesOf(rows, place === 0).filter(change => isWanted(change, own))
      if (changes.length <= PIECE) yield changes
      else
        yield* this.#again(
          changes.map(({ record }) => record),
          place
        )
    }
    for (const { name } of whole) yield* this.#all(name)
  }

  /** All of some records. */
  records(ids: readonly string[]): AsyncGenerator<readonly Change[], void, undefined> {
    return this.#again(ids, 0)
  }

  /** Reads much once more, in pieces: whoever does not take it at once must not keep all of it in memory. */
  async *#again(ids: readonly string[], since: number): AsyncGenerator<readonly Change[], void, undefined> {
    for (let at = 0; at < ids.length; at += PIECE) {
      const ranges = ids.slice(at, at + PIECE).map(record => ({ record }))
      yield changesOf(await this.#rows(ranges, since), since === 0)
    }
  }

  /**
   * What is in the records of a collection, or in one record, where there is anything.
   * @param settings - given where only what is seen counts
   * @param prefixes - where of a collection only what begins with one of them is wanted; none begins with another one
   */
  async *views(
    name: string,
    settings?: Settings,
    prefixes: readonly string[] = ['']
  ): AsyncGenerator<readonly Entry[], void, undefined> {
    const sources = isCollection(name) ? prefixes.map(prefix => this.#all(name, prefix)) : [this.records([name])]
    for (const changes of sources)
      for await (const piece of changes)
        yield piece.map(change => viewOf(change, settings)).filter(({ value }) => value !== undefined)
  }

  /** The ids of what a collection has, of those that begin with a prefix. */
  async *ids(name: string, prefix = ''): AsyncGenerator<readonly string[], void, undefined> {
    const begin = prefix.startsWith(name) ? prefix : name
    for (let after: string | undefined, isMore = true; isMore;) {
      const ids: readonly string[] = await this.#records(begin, after)
      isMore = ids.length === PIECE
      after = ids.at(-1)
      const own = ids.filter(id => collectionOf(id) === name)
      if (own.length) yield own
    }
  }

  /** All of a collection. */
  async *#all(name: string, prefix?: string): AsyncGenerator<readonly Change[], void, undefined> {
    for await (const ids of this.ids(name, prefix))
      yield changesOf(await this.#rows(ids.map(record => ({ record }))), true)
  }

  #records(prefix: string, after: string | undefined): Promise<string[]> {
    return this.#patience.try(() => this.#store.records(prefix, after, PIECE))
  }

  #rows(ranges: readonly Range[], since?: number): Promise<Row[]> {
    return this.#patience.try(() => this.#store.rows(ranges, since))
  }
}

/** What is in a record of which all registers are there; with settings only what is seen. */
export const viewOf = ({ record: id, registers }: Change, settings?: Settings): Entry => {
  const state = new RecordState()
  for (const register of registers) state.merge(register)
  return { id, value: !settings || settings.isVisible(id, state) ? state.view() : undefined }
}

const rangeOf = ({ name }: Want): Range => (isCollection(name) ? { prefix: name } : { record: name })

const isWanted = ({ record, collection, version }: Change, wants: readonly Want[]): boolean =>
  wants.some(({ name, since }) => version > since && (name === record || name === collection))
