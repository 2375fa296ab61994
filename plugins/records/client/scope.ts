import type { AnywireError } from '../../../lib/errors.ts'
import type { Follow } from '../core/frame.ts'
import { collectionOf } from '../core/path.ts'
import type { Query } from '../core/query.ts'
import { keyOfQuery } from '../core/query-key.ts'
import type { Following, FollowingState } from './engine.ts'
import { Later } from './later.ts'

/** How far the client has a scope. */
export interface Cursor {
  readonly epoch: string
  readonly since: number
}

export const NOWHERE: Cursor = { epoch: '', since: 0 }

/** Something that is followed, by however many. */
export class Scope implements Following {
  readonly number: number
  readonly key: string
  readonly name: string
  readonly query: Query | undefined
  cursor: Cursor = NOWHERE
  /** See `Follow`: only what is kept is compared. */
  digest = 0
  /** What the application was told. */
  state: FollowingState = 'loading'
  error: AnywireError | undefined
  /** Whether what the store has of it is in memory, so that deltas can be applied. */
  isLoaded = false
  /** Settles when the store was read, or could not be. */
  loading: Promise<void> | undefined
  /** Whether the authority was asked in this session. */
  isAsked = false
  /** Whether the authority follows it in this session, so that each delta brings it up to date. */
  isLive = false
  /** Records that a reset of a query did not bring: they are not in it, whatever they look like. */
  readonly without = new Set<string>()
  users = 0
  /** Runs when nobody follows it any more. */
  timer: ReturnType<typeof setTimeout> | undefined
  #ready = new Later<void>()
  #synced = new Later<void>()

  constructor(number: number, key: string, name: string, query: Query | undefined) {
    this.number = number
    this.key = key
    this.name = name
    this.query = query
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
    return { scope: number, name, query, ...cursor, digest }
  }

  /** Whether a record is in it by its name; a query may still not ask for it. */
  mayHave(id: string): boolean {
    return this.isCollection ? collectionOf(id) === this.name : id === this.name
  }

  /** @returns whether the state is another one now */
  become(state: FollowingState, error?: AnywireError): boolean {
    const before = this.state
    this.state = state
    this.error = error
    if (error) {
      if (before !== 'refused') this.#renew(true, true)
      this.#ready.reject(error)
      this.#synced.reject(error)
      return true
    }
    this.#renew(before === 'refused', before === 'refused' || before === 'synced')
    if (state !== 'loading') this.#ready.resolve()
    if (state === 'synced') this.#synced.resolve()
    return state !== before
  }

  /** Nobody will answer. @param isKnown - nor is there anything to wait for here */
  end(error: AnywireError, isKnown: boolean): void {
    this.error ??= error
    this.#synced.reject(error)
    if (isKnown) this.#ready.reject(error)
  }

  /** Somebody may answer again. */
  begin(): void {
    if (this.state === 'refused') return
    this.error = undefined
    this.#renew(this.state === 'loading', true)
  }

  /** What was told before does not hold any more. */
  #renew(ready: boolean, synced: boolean): void {
    if (ready && this.#ready.isSettled) this.#ready = new Later()
    if (synced && this.#synced.isSettled) this.#synced = new Later()
  }
}

/** What a scope is called in a store, and among what is followed. */
export const keyOf = (name: string, query: Query | undefined): string =>
  JSON.stringify(query ? [name, keyOfQuery(query)] : [name])

/** The name of the scope that a key is of. */
export const nameOf = (key: string): unknown => {
  const parts: unknown = JSON.parse(key)
  return Array.isArray(parts) ? parts[0] : undefined
}
