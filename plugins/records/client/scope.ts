import type { AnywireError } from '../../../lib/errors.ts'
import type { Follow } from '../core/frame.ts'
import { collectionOf } from '../core/path.ts'
import type { Query } from '../core/query.ts'
import type { Following, FollowingState } from './engine.ts'
import { Later } from './later.ts'
import type { Records } from './records.ts'

/** How far the client has a scope. */
export interface Cursor {
  readonly epoch: string
  readonly since: number
}

export const NOWHERE: Cursor = { epoch: '', since: 0 }

/** Of what may be old: no authority has such an epoch. */
export const DOUBTFUL: Cursor = { epoch: '?', since: 0 }

/** Shared by all scopes that the authority follows in a session: each delta brings them as far as it is. */
export interface Reach {
  cursor: Cursor
}

/** Something that is followed, by however many. */
export class Scope implements Following {
  readonly number: number
  readonly name: string
  readonly query: Query | undefined
  /** Text that only the same query has. */
  readonly queryKey: string | undefined
  /** See `Follow`: only what is kept is compared. */
  digest = 0
  /** What the application was told. */
  state: FollowingState = 'loading'
  error: AnywireError | undefined
  /** The code of what the application was told that it is refused with. */
  refusal: string | undefined
  /** Whether what the store has of it is in memory, so that deltas can be applied. */
  isLoaded = false
  /** Settles when the store was read, or could not be. */
  loading: Promise<void> | undefined
  /** Whether the authority was asked in this session. */
  isAsked = false
  /** Whether it was asked for with something at hand that may be old. */
  mayBeOld = false
  users = 0
  /** How many of them the application has not asked for. */
  quiet = 0
  /** Runs when nobody follows it any more. */
  timer: ReturnType<typeof setTimeout> | undefined
  #cursor = NOWHERE
  /** Whether something is at hand of which it is not known how old it is, or something is missing. */
  isDoubtful = false
  #reach: Reach | undefined
  #answered: Later<void> | undefined
  #ready = new Later<void>()
  #synced = new Later<void>()

  constructor(number: number, name: string, query: Query | undefined, queryKey: string | undefined) {
    this.number = number
    this.name = name
    this.query = query
    this.queryKey = queryKey
  }

  /** What it is called in a store. */
  get key(): string {
    return keyOf(this.name, this.queryKey)
  }

  /** How far it is. */
  get cursor(): Cursor {
    return this.#reach?.cursor ?? this.#cursor
  }

  /** Whether the authority follows it in this session, so that each delta brings it up to date. */
  get isLive(): boolean {
    return !!this.#reach
  }

  /** The authority follows it from here on. */
  start(reach: Reach): void {
    this.#reach = reach
    this.isDoubtful = false
    this.#answered?.resolve()
    this.#answered = undefined
  }

  /** The authority does not follow it any more. Of what it refuses nothing is left here. */
  stop(cursor = this.error ? NOWHERE : this.cursor): void {
    this.#cursor = cursor
    this.#reach = undefined
  }

  /** Nothing is known of it any more. */
  forget(): void {
    this.stop(NOWHERE)
    this.isLoaded = false
    this.loading = undefined
    this.digest = 0
    this.isDoubtful = false
  }

  /** What is at hand may be old, or not in it at all: the authority is to say what is. */
  doubt(): void {
    this.stop(NOWHERE)
    this.isDoubtful = true
  }

  /** Settles with the next answer of the authority. */
  get answered(): Promise<void> {
    return (this.#answered ??= new Later()).promise
  }

  get ready(): Promise<void> {
    return this.#ready.promise
  }

  get synced(): Promise<void> {
    return this.#synced.promise
  }

  get isCollection(): boolean {
    return this.name.endsWith('/')
  }

  follow(): Follow {
    const { number, name, query, cursor, digest } = this
    return { scope: number, name, query, ...(this.isDoubtful ? DOUBTFUL : cursor), digest }
  }

  /** Whether a record is in it by its name; a query may still not ask for it. */
  mayHave(id: string): boolean {
    return this.isCollection ? collectionOf(id) === this.name : id === this.name
  }

  /** The records at hand that it may have, by their names. */
  among(records: Records): string[] {
    const { name } = this
    // Who follows many records one by one is not to pay for each with all of them.
    if (!this.isCollection) return records.base(name) ? [name] : []
    return [...records.ids()].filter(id => collectionOf(id) === name)
  }

  /** @returns whether the state is another one now */
  become(state: FollowingState, error?: AnywireError): boolean {
    const { state: before, refusal } = this
    this.state = state
    this.error = error
    this.refusal = error?.code
    if (error) {
      if (before !== 'refused') this.#renew(true, true)
      this.#fail(error)
      this.#ready.reject(error)
      this.#synced.reject(error)
      return before !== state || refusal !== error.code
    }
    this.#renew(before === 'refused', before === 'refused' || before === 'synced')
    if (state !== 'loading') this.#ready.resolve()
    if (state === 'synced') this.#synced.resolve()
    return state !== before
  }

  /** Nobody will answer. @param isKnown - nor is there anything to wait for here */
  end(error: AnywireError, isKnown: boolean): void {
    this.error ??= error
    this.#fail(error)
    this.#synced.reject(error)
    if (isKnown) this.#ready.reject(error)
  }

  /** Somebody may answer again. */
  begin(): void {
    if (this.state === 'refused') return
    this.error = undefined
    this.#renew(this.state === 'loading', true)
  }

  #fail(error: AnywireError): void {
    this.#answered?.reject(error)
    this.#answered = undefined
  }

  /** What was told before does not hold any more. */
  #renew(ready: boolean, synced: boolean): void {
    if (ready && this.#ready.isSettled) this.#ready = new Later()
    if (synced && this.#synced.isSettled) this.#synced = new Later()
  }
}

/** What a scope is called in a store. */
export const keyOf = (name: string, queryKey: string | undefined): string =>
  JSON.stringify(queryKey === undefined ? [name] : [name, queryKey])

/** The name of the scope that a key is of, and the key of its query. */
export const partsOf = (key: string): readonly [name: string, queryKey: string | undefined] => {
  const [name, queryKey] = JSON.parse(key) as readonly [string, string?]
  return [name, queryKey]
}

/** The names of scopes that have all that there is under them. */
export const wholesOf = (scopes: Iterable<Scope>): readonly string[] =>
  [...scopes].flatMap(({ name, query }) => (query ? [] : [name]))
