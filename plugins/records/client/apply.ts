import { AnywireError } from '../../../lib/errors.ts'
import { ERR_DENIED } from '../../../lib/failures.ts'
import { OUTCOMES } from '../core/delta-codec.ts'
import { RESTAMP } from '../core/frame.ts'
import type { Delta, Result } from '../core/frame.ts'
import type { Entry } from './entry.ts'
import type { Outbox } from './outbox.ts'
import type { Records } from './records.ts'
import type { Scope } from './scope.ts'
import type { Scopes } from './scopes.ts'

/** What became of a delta. */
export interface Applied {
  /** Ids of records that may look different now. */
  readonly changed: Set<string>
  /** Scopes that were told something. */
  readonly told: Set<Scope>
  /** Scopes of which all that there was is replaced, by what they were told. */
  readonly resets: Map<Scope, string>
  /** Records that the authority has taken away. */
  readonly evicted: string[]
  /** Those of them that may not be seen any more. */
  readonly denied: string[]
  /** Records that are gone from here, evicted or not. */
  readonly dropped: string[]
  /** Names of records and collections of which nothing is right but what is at hand: a store may have more. */
  readonly purged: Set<string>
  /** Writes that do not wait any more. */
  readonly settled: Entry[]
  /** Writes that were refused, and which record of them; '' for all. */
  readonly refused: (readonly [entry: Entry, error: AnywireError, record: string])[]
  /** Refused for now. */
  readonly later: Result[]
  /** For each node the last number with a result, which the authority may forget. */
  readonly results: Map<string, number>
}

/** What somebody was refused with, by its code. */
export const errorOf = (code: string, hint: string): AnywireError =>
  // Codes are those of the authority's table, which may be newer than this one.
  new AnywireError([code as AnywireError['code'], 0, hint || 'the server refused it'])

/**
 * Applies a delta, with the pages before it that belong to it, as one step: nobody sees anything in between. What a write of this
 * replica did comes in the same delta as its acknowledgement, so that no old value shows; and only from there: by now something
 * that is gone again may have won against it, so the write itself must not be merged into what is committed.
 */
export const apply = (
  pages: readonly Delta[],
  { records, scopes, outbox }: { readonly records: Records; readonly scopes: Scopes; readonly outbox: Outbox }
): Applied => {
  const applied: Applied = {
    changed: new Set(),
    told: new Set(),
    resets: new Map(),
    evicted: [],
    denied: [],
    dropped: [],
    purged: new Set(),
    settled: [],
    refused: [],
    later: [],
    results: new Map()
  }
  const { changed, dropped, purged, told, resets } = applied
  const drop = (id: string): boolean => {
    if (!records.drop(id)) return false
    changed.add(id)
    dropped.push(id)
    return true
  }

  const refused = new Set<Scope>()
  for (const { scopes: news } of pages) {
    for (const { scope: number, outcome } of news) {
      const scope = scopes.get(number)
      if (!scope) {
        if (outcome === 'left') scopes.heard(number)
        continue
      }
      told.add(scope)
      resets.delete(scope)
      const isLive = OUTCOMES.includes(outcome)
      const [code = ''] = outcome.split(':')
      const why = outcome.slice(code.length)
      scope.error = isLive ? undefined : errorOf(code, `'${scope.name}' cannot be followed${why}`)
      if (isLive && outcome !== 'delta') resets.set(scope, outcome)
      if (!isLive) refused.add(scope)
    }
  }

  /** Records that came, and those of them that came as a whole. */
  const came = new Set<string>()
  const whole = new Set<string>()
  const evict = (id: string): boolean => {
    whole.delete(id)
    if (!drop(id)) {
      purged.add(id)
      return false
    }
    applied.evicted.push(id)
    return true
  }
  for (const page of pages) {
    const isLeft = page.scopes.some(({ outcome }) => outcome === 'left')
    for (const id of page.evicted) {
      if (!isLeft) evict(id)
      else if (!scopes.keeps(id)) {
        // Nobody follows it any more; what is kept of it stays.
        records.unload(id)
        changed.add(id)
      }
    }
    for (const id of page.denied) if (evict(id)) applied.denied.push(id)
    for (const [index, { record, registers }] of page.records.entries()) {
      // What was let go of meanwhile is not kept in pieces.
      if (!scopes.isTold(record, told)) continue
      // A record that is large comes on several pages.
      const isWhole = !!page.whole[index] && !whole.has(record)
      if (isWhole) whole.add(record)
      came.add(record)
      // It is only named, so that it stays.
      if (!isWhole && !registers.length) continue
      records.merge(record, registers, page.versions[index] ?? 0, isWhole)
      changed.add(record)
    }
  }
  // Most deltas are about neither.
  for (const id of resets.size ? scopes.missing(resets.keys(), came, records) : []) drop(id)
  for (const { name, query } of resets.keys()) if (!query && !came.has(name)) purged.add(name)
  const isIn = (scope: Scope, id: string): boolean => came.has(id) || !resets.has(scope)
  for (const scope of refused) {
    const isDenied = scope.error?.code === ERR_DENIED[0]
    for (const id of scopes.refused(scope, told, isIn, records)) {
      if (isDenied && evict(id)) applied.denied.push(id)
      if (isDenied) continue
      // For want of room, say: what is kept of it stays.
      records.unload(id)
      changed.add(id)
    }
    if (isDenied) purged.add(scope.name)
  }

  const last = new Map(pages.flatMap(({ acknowledged }) => acknowledged))
  for (const result of pages.flatMap(({ results }) => results)) {
    const { node, number, record, code, hint } = result
    const entry = outbox.find(node, number)
    const isLater = number > (last.get(node) ?? 0)
    if (!isLater) applied.results.set(node, number)
    if (!entry || entry.status === 'refused') continue
    if (isLater) applied.later.push(result)
    else if (code === RESTAMP) entry.restamped = true
    else {
      const error = errorOf(code, hint)
      entry.error ??= error
      applied.refused.push([entry, error, record])
    }
  }
  for (const [node, number] of last) {
    for (const entry of outbox.acknowledge(node, number)) {
      records.settle(entry, changed)
      entry.settle()
      applied.settled.push(entry)
    }
  }
  return applied
}
