import type { Value } from '../../../lib/store.ts'
import { resolve } from '../core/increment.ts'
import type { RecordState } from '../core/record-state.ts'
import { INCREMENT, wins } from '../core/register.ts'
import type { Register, Write } from '../core/register.ts'
import { partOf } from './part.ts'
import type { CachedRecord } from './record-cache.ts'
import type { Settings } from './settings.ts'

/**
 * Writes that come to the same as all of them: of several at one path only the latest one counts, unless something is added up
 * between them. Each that is merged goes through all that is below it.
 */
export const lasting = (writes: readonly Write[]): readonly Write[] => {
  if (writes.length < 2) return writes
  const found: Write[] = []
  const latest = new Map<string, Register>()
  for (const write of writes) {
    if (write.kind === INCREMENT) {
      for (const before of latest.values()) found.push(before)
      found.push(write)
      latest.clear()
    } else {
      const before = latest.get(write.path)
      if (!before || wins(write, before)) latest.set(write.path, write)
    }
  }
  return [...found, ...latest.values()]
}

/** A state with some writes more. */
export const merged = (before: RecordState, writes: readonly Write[]): RecordState => {
  const state = before.copy()
  mergeAll(state, writes)
  return state
}

/** The same at some paths alone: what is above and below them is all that decides there. */
export const mergedAt = (
  before: RecordState,
  paths: Iterable<string>,
  writes: readonly Write[]
): Pick<RecordState, 'get' | 'view'> => {
  const state = partOf(before, paths)
  mergeAll(state, writes)
  return state
}

const mergeAll = (state: RecordState, writes: readonly Write[]): void => {
  for (const write of lasting(writes)) state.merge(resolve(state, write))
}

/** How often all that is there, and is written, may be gone through: paths are no deeper. */
const MOST_VISITS = 64

/** So few increments have nobody go through more than that. */
const FEW = 8

/**
 * Whether writes would have what they hide looked for again and again, as between them something is added up that goes by it. That takes a
 * time that is the square of their number, and nobody means it.
 */
export const isTangled = (before: RecordState, writes: readonly Write[]): boolean => {
  let increments = 0
  for (const { kind } of writes) if (kind === INCREMENT) increments++
  if (increments <= FEW) return false
  const state = before.copy()
  const most = MOST_VISITS * (before.size + writes.length)
  for (const write of lasting(writes)) {
    state.merge(resolve(state, write))
    if (state.visited > most) return true
  }
  return false
}

/** Whether all that is added up comes to numbers: others have no order, and cannot be told. */
export const isSummable = (state: RecordState, writes: readonly Write[]): boolean => {
  const counted = writes.filter(({ kind }) => kind === INCREMENT)
  if (!counted.length) return true
  const then = merged(state, writes)
  return counted.every(({ path }) => isSound(then.get(path)?.value))
}

const isSound = (sum: Value | undefined): boolean => typeof sum !== 'number' || Number.isFinite(sum)

/** What is added to numbers of a record that nothing else was read of. */
export interface Counted {
  readonly writes: readonly Write[]
  /** Whether it may still be done, whatever the record is by now. */
  readonly isSound: () => boolean
}

/** Records as they would be with some writes, before these are done. */
export class Trials {
  readonly #settings: Settings
  readonly #states = new Map<CachedRecord, RecordState>()
  /** How often each record was changed when it was looked at first. */
  readonly seen = new Map<CachedRecord, number>()
  /** The same of those that who was asked has looked at. */
  readonly read = new Map<CachedRecord, number>()

  /** Records that are only added to: what others do to them does not matter. */
  readonly counted = new Map<CachedRecord, Counted>()

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** How a record would be. */
  state(record: CachedRecord): RecordState {
    if (!this.seen.has(record)) {
      const counted = this.counted.get(record)
      // Where it cannot be added any more what comes of it is called again.
      this.seen.set(record, counted && !counted.isSound() ? NaN : record.edits)
      if (counted) this.#states.set(record, merged(record.state, counted.writes))
      this.counted.delete(record)
    }
    return this.#states.get(record) ?? record.state
  }

  /** What would be seen of a record. */
  view(record: CachedRecord, state = this.state(record)): Value | undefined {
    return this.#settings.isVisible(record.id, state) ? state.view() : undefined
  }

  /** A record with some writes more. */
  with(record: CachedRecord, writes: readonly Write[]): RecordState {
    return merged(this.state(record), writes)
  }

  keep(record: CachedRecord, state: RecordState): void {
    this.#states.set(record, state)
  }
}
