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
export class Scope {
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
  // Not private: followers inherit from it.
  whenReady = new Later<void>()
  whenSynced = new Later<void>()

  constructor(number: number, key: string, name: string, query: Query | undefined) {
    this.number = number
    this.key = key
    this.name = name
    this.query = query
  }

  get ready(): Promise<void> {
    return this.whenReady.promise
  }

  get synced(): Promise<void> {
    return this.whenSynced.promise
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
      this.whenReady.reject(error)
      this.whenSynced.reject(error)
      return true
    }
    this.#renew(before === 'refused', before === 'refused' || before === 'synced')
    if (state !== 'loading') this.whenReady.resolve()
    if (state === 'synced') this.whenSynced.resolve()
    return state !== before
  }

  /** Nobody will answer. @param isKnown - nor is there anything to wait for here */
  end(error: AnywireError, isKnown: boolean): void {
    this.error ??= error
    this.whenSynced.reject(error)
    if (isKnown) this.whenReady.reject(error)
  }

  /** Somebody may answer again. */
  begin(): void {
    if (this.state === 'refused') return
    this.error = undefined
    this.#renew(this.state === 'loading', true)
  }

  /** What was told before does not hold any more. */
  #renew(ready: boolean, synced: boolean): void {
    if (ready && this.whenReady.isSettled) this.whenReady = new Later()
    if (synced && this.whenSynced.isSettled) this.whenSynced = new Later()
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

/** What one of those who follow a scope has of it: all that it shows, and an end of its own. */
export const followerOf = (scope: Scope, end: () => void): Following => {
  const follower = Object.create(scope) as Scope
  let release: typeof end | undefined = end
  return Object.assign(follower, {
    release(): void {
      release?.()
      release = undefined
    }
  })
}
