import type { Value } from '../../../lib/store.ts'
import { isClaim } from '../core/item.ts'
import { below, keysOf } from '../core/path.ts'
import type { RecordState } from '../core/record-state.ts'
import { DELETED, OBJECT } from '../core/register.ts'
import type { Write } from '../core/register.ts'
import { isFields, isSame } from '../core/value.ts'
import type { Fields } from '../core/value.ts'
import type { Wish } from './options.ts'
import { merged, mergedAt } from './trials.ts'

/** One thing that somebody wants to do. */
export type Thing = Wish<Value> & { readonly path: string }

/** What writes want of a record. */
export interface Wishes {
  /** Each at its own path: what is written below an object that is made with it is a part of that. */
  readonly own: readonly Thing[]
  /** Whatever else would be another one then: below those paths, and on the way to them. Found as it is gone through. */
  readonly fields: Iterable<Thing>
}

/** @param isVisible - whether a record is there, for who reads it */
export const wishesOf = (
  state: RecordState,
  writes: readonly Write[],
  isVisible: (state: RecordState) => boolean
): Wishes => {
  const exists = isVisible(state)
  const own = ownOf(state, exists, writes)
  return { own, fields: fieldsOf(state, exists, writes, isVisible, own) }
}

const ownOf = (state: RecordState, exists: boolean, writes: readonly Write[]): readonly Thing[] => {
  if (!exists && writes.some(({ kind }) => kind !== DELETED)) {
    const value = merged(state, writes).view()
    return [{ verb: 'create', path: '', value, previous: undefined, current: undefined }]
  }
  const objects = new Set(writes.filter(({ kind, t }) => kind === OBJECT && t > 0).map(({ path }) => path))
  const asked = writes.filter(write => !isImplicit(write) && !isBelow(write.path, objects))
  // Who may not do it has nobody go through all the rest of a record.
  const places = new Set(asked.filter(write => !isRemoval(write)).map(({ path }) => path))
  const then = mergedAt(state, places, writes)
  const current = exists ? state.view() : undefined
  const wishes = new Map<string, Thing>()
  for (const write of asked) {
    const { path } = write
    const previous = state.view(path)
    // However often it is written: what is there in the end is what counts.
    if (isRemoval(write)) wishes.set('', { verb: 'delete', path, value: undefined, previous, current })
    else wishes.set(`${path}.`, { verb: 'write', path, value: valueAt(then, path), previous, current })
  }
  if (wishes.size) return [...wishes.values()]
  // What changes nothing still tells whether the record is there, so it is for those who may see it.
  if (writes.length === 0 || state.isWritten)
    return [{ verb: 'read', path: '', value: current, previous: undefined, current }]
  return [{ verb: 'write', path: '', value: current, previous: current, current }]
}

/**
 * Where a record would be another one, and nobody is asked yet. A rule about a field would otherwise be passed by who makes anew what
 * the field is in, or something below it.
 */
function* fieldsOf(
  state: RecordState,
  exists: boolean,
  writes: readonly Write[],
  isVisible: (state: RecordState) => boolean,
  own: readonly Thing[]
): Generator<Thing> {
  const before = exists ? state : undefined
  const whole = merged(state, writes)
  const then = isVisible(whole) ? whole : undefined
  const current = before?.view()
  const asked = new Set(own.filter(({ verb }) => verb !== 'read').map(({ path }) => path))
  /** Where writes lead through, and where they are: many lead through the same, and all that is below it. */
  const ways = new Set<string>()
  const places = new Set<string>()
  function* wishes(found: Iterable<Difference>): Generator<Thing> {
    for (const [path, previous, value] of found) {
      if (asked.has(path)) continue
      asked.add(path)
      yield { verb: 'write', path, value, previous, current }
    }
  }
  if (!before) {
    yield* wishes(differences('', undefined, then?.view()))
    return
  }
  for (const write of writes) {
    if (isImplicit(write) || (isRemoval(write) && !then)) continue
    let above = ''
    for (const key of keysOf(write.path)) {
      if (above && isNew(ways, above)) yield* wishes(differencesAt(above, before, then))
      above = below(above, key)
    }
    const { path } = write
    if (isNew(places, path)) yield* wishes(differences(path, before.view(path), then?.view(path)))
  }
}

/** Adds what is not among some texts. @returns whether it was not */
const isNew = (known: Set<string>, text: string): boolean => known.size < known.add(text).size

/** A path, and what was and would be there. */
type Difference = readonly [path: string, before: Value | undefined, then: Value | undefined]

/** Where something comes or goes, or is another value, from a path on. Of an object that stays one nothing does so by itself. */
function* differences(path: string, before: Value | undefined, then: Value | undefined): Generator<Difference> {
  if (before === then) return
  const [was, will] = [fieldsIn(before), fieldsIn(then)]
  if (!(was && will) && !isSame(before, then)) yield [path, before, then]
  for (const key of new Set([...(was?.keys() ?? []), ...(will?.keys() ?? [])]))
    yield* differences(below(path, key), was?.get(key), will?.get(key))
}

/** The same at a path below which something is written. What else is there is as it was, unless it was one value with fields in it. */
function* differencesAt(path: string, before: RecordState, then: RecordState | undefined): Generator<Difference> {
  const [was, will] = [before.view(path), then?.view(path)]
  const isPlace = ({ value }: { readonly value?: Value | undefined } = {}): boolean => !isFields(value)
  if (isFields(was) && isFields(will) && isPlace(before.get(path)) && isPlace(then?.get(path))) return
  yield* differences(path, was, will)
}

const fieldsIn = (value: Value | undefined): ReadonlyMap<string, Value> | undefined =>
  isObject(value) ? new Map(Object.entries(value)) : undefined

const isObject = (value: Value | undefined): value is Fields & { readonly [key: string]: Value } => isFields(value)

/** Whether a write only says that something is written into the record, or into an item of a list. */
const isImplicit = (write: Write): boolean =>
  write.kind === OBJECT && write.t === 0 && (write.path === '' || isClaim(write))

/** Whether a write deletes the record. */
const isRemoval = ({ path, kind }: Write): boolean => path === '' && kind === DELETED

/** Whether a path is below one of some others. What ends before a dot that belongs to a key is no path. */
const isBelow = (path: string, others: ReadonlySet<string>): boolean => {
  if (!others.size || path === '') return false
  if (others.has('')) return true
  for (let at = path.indexOf('.'); at >= 0; at = path.indexOf('.', at + 1))
    if (others.has(path.slice(0, at))) return true
  return false
}

/** What would be at a path: also where something below hides it, for that may be deleted later. */
const valueAt = (state: Pick<RecordState, 'get' | 'view'>, path: string): Value | undefined =>
  state.get(path)?.value ?? state.view(path)
