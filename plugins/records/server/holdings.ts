import { addTo, removeFrom } from '../../../lib/sets.ts'
import { collectionOf } from '../core/path.ts'
import type { Change } from './change.ts'
import { decrease, increase } from './counts.ts'
import type { Moves } from './journal.ts'
import { isPartial } from './scope.ts'
import type { PartialScope, Scope } from './scope.ts'

const NOBODY: ReadonlySet<PartialScope> = new Set()

/** What came and went, scope by scope. */
export type MovesByScope = ReadonlyMap<Scope, Moves>

/**
 * What a client has of what it follows: of some scopes all that their names stand for, of others the records of a membership. Those go
 * on by themselves, each at its pace, so each scope has its own commit up to which it was told.
 */
export class Holdings {
  /** How many scopes have all that a name stands for. */
  readonly #full = new Map<string, number>()
  /** Scopes that have only some, by their names. */
  readonly #partial = new Map<string, Set<PartialScope>>()
  /** Records that are in such a scope, and were not told, as they must not be seen any more: that is soon known there too. */
  readonly withheld = new Set<string>()
  /** Whether something was found out that may be about those. */
  #isDue = false

  join(scope: Scope): void {
    if (isPartial(scope)) addTo(this.#partial, scope.name, scope)
    else increase(this.#full, scope.name)
  }

  leave(scope: Scope): void {
    if (isPartial(scope)) removeFrom(this.#partial, scope.name, scope)
    else decrease(this.#full, scope.name)
  }

  /** Whether some scope has this name. */
  names(name: string): boolean {
    return this.#full.has(name) || this.#partial.has(name)
  }

  /** Whether some scopes have only some of what their names stand for. */
  get isPartial(): boolean {
    return this.#partial.size > 0
  }

  /** Those scopes. */
  *partial(): Iterable<PartialScope> {
    for (const scopes of this.#partial.values()) yield* scopes
  }

  /** Whether a record is in one of the scopes, as far as that is known by now. */
  has(record: string, collection: string): boolean {
    if (this.#isFull(record, collection)) return true
    for (const scope of this.#concerned(record, collection)) if (scope.membership.has(record)) return true
    return false
  }

  /** Whether one of the scopes has the name of a record, or of its collection. */
  concerns(record: string, collection: string): boolean {
    return this.#isFull(record, collection) || this.#partial.has(record) || this.#partial.has(collection)
  }

  /** Whether a record was in one of the scopes before some moves, and was told. What is not among them had nothing. */
  had(moves: MovesByScope, record: string, collection: string): boolean {
    if (this.#isFull(record, collection)) return true
    if (this.withheld.has(record)) return false
    for (const scope of this.#concerned(record, collection)) {
      const own = moves.get(scope)
      if (own && (own.left.has(record) || (scope.membership.has(record) && !own.entered.has(record)))) return true
    }
    return false
  }

  /** What came and went with a commit that was just told, where it is about some changes; undefined: that is not known yet. */
  movesOf(seq: number, changes: readonly Change[]): MovesByScope | undefined {
    const moves = new Map<Scope, Moves>()
    for (const { record, collection } of changes) {
      for (const scope of this.#concerned(record, collection)) {
        if (!scope.membership.isCurrent) return undefined
        if (!moves.has(scope)) moves.set(scope, scope.membership.movesOf(seq))
      }
    }
    return this.withheld.size ? undefined : moves
  }

  /** Whether it is known by now that a record may be seen as it is committed. */
  isJudged(record: string, collection: string): boolean {
    for (const scope of this.#concerned(record, collection))
      if (scope.isJudged && scope.membership.has(record)) return true
    return false
  }

  /** Whether a record left one of the scopes, since that was told last, because it may not be seen any more. */
  isDenied(record: string, collection: string): boolean {
    for (const { membership, told } of this.#concerned(record, collection))
      if (membership.movesSince(told)?.denied.has(record)) return true
    return false
  }

  /** Up to which commit it is known what is in all scopes; at most `seq`. */
  reach(seq: number): number {
    let reach = seq
    for (const { membership } of this.partial()) reach = membership.reach(reach)
    return reach
  }

  /** A scope has caught up with who may see what. */
  caughtUp(): void {
    this.#isDue = true
  }

  /** Whether it is to be found out once more about those that were withheld. */
  get isDue(): boolean {
    return this.#isDue && this.withheld.size > 0
  }

  /** Those that were withheld, and are in a scope still. They are not any more. */
  takeWithheld(): readonly string[] {
    const ids = [...this.withheld].filter(id => this.has(id, collectionOf(id)))
    this.withheld.clear()
    this.#isDue = false
    return ids
  }

  /** Notes that all scopes are told as they are now. @param seq - the last commit */
  advance(seq: number): void {
    for (const scope of this.partial()) scope.told = scope.membership.placeAt(scope.membership.reach(seq))
  }

  /** Whether something came or went that was not told. */
  get haveMoved(): boolean {
    for (const { membership, told } of this.partial()) if (membership.placeAt(Infinity) > told) return true
    return false
  }

  /** Notes that all scopes are told up to a commit. */
  wereTold(seq: number): void {
    for (const scope of this.partial()) scope.told = scope.membership.placeAt(seq)
  }

  #isFull(record: string, collection: string): boolean {
    return this.#full.has(record) || this.#full.has(collection)
  }

  *#concerned(record: string, collection: string): Iterable<PartialScope> {
    yield* this.#partial.get(record) ?? NOBODY
    yield* this.#partial.get(collection) ?? NOBODY
  }
}
