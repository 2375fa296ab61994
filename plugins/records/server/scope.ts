import type { Behind, Follow } from '../core/frame.ts'
import { isId } from '../core/path.ts'
import type { Query } from '../core/query.ts'
import type { Membership } from './membership.ts'

/** Where a scope goes on that is told anew; no client can say that. */
export const ANEW = -1

/** Something that a client follows. */
export class Scope {
  readonly number: number
  readonly name: string
  readonly query: Query | undefined
  /** How far the client has it: see `Follow`. */
  readonly epoch: string
  readonly since: number
  readonly digest: number
  /** Which records it has; undefined: all of that name. */
  membership: Membership | undefined
  /** The place up to which the client was told what came and went, where it has only some. Right while the client catches up. */
  told = 0
  /** What ids begin with of which is to be asked again who may see them: nothing that was answered before counts for long. */
  due: readonly string[] = []
  /** Whether it is being asked for. */
  isAsked = false
  /** How many records were remembered for its membership when it was ready. */
  matches = 0
  /** How often it was tried in vain to tell its digest. */
  attempts = 0
  /** Whether it is told what is committed. */
  isJoined = false
  /** Whether its client was told that it may not follow it, and nothing else since. */
  isRefused = false
  /** It is not refused before this is committed. */
  readonly behind: Behind | undefined
  /** Whether one of its number was told, and this one stands in its place. */
  readonly #isAnother: boolean

  constructor({ scope, name, query, epoch, since, digest }: Follow, behind?: Behind, isAnother = false) {
    this.behind = behind
    this.#isAnother = isAnother
    this.number = scope
    this.name = name
    this.query = query
    this.epoch = epoch
    this.since = since
    this.digest = digest
  }

  /** Whether it asks for some of a collection, so that its client does not know what is in it but by being told. */
  get isQuery(): boolean {
    return this.query !== undefined && isCollection(this.name)
  }

  /** Whether its client may have something of it that is not in it: also what came when it had asked already. */
  get mayBeOld(): boolean {
    return this.epoch !== '' || this.since === ANEW || this.#isAnother
  }

  /** Whether all that is in it was judged as it is, and nothing has changed since by which that was. */
  get isJudged(): boolean {
    return !!this.membership?.mayRead && this.membership.isCurrent && !this.isAsked && !this.due.length
  }

  /** To follow it anew, though the client has it. */
  again(): Scope {
    const { number: scope, name, query, behind, isRefused } = this
    const again = new Scope({ scope, name, query, epoch: '', since: ANEW, digest: 0 }, behind)
    again.isRefused = isRefused
    return again
  }
}

/** One that has only some of what its name stands for. */
export type PartialScope = Scope & { readonly membership: Membership }

export const isPartial = (scope: Scope): scope is PartialScope => scope.membership !== undefined

/** A name that ends with a slash is that of a collection. */
export const isCollection = (name: string): boolean => name.endsWith('/')

/** Whether it is the name of a record or collection. */
export const isScopeName = (name: string): boolean => isId(isCollection(name) ? `${name}_` : name)
