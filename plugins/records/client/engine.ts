import type { Emitter } from '../../../lib/emitter.ts'
import type { AnywireError } from '../../../lib/errors.ts'
import type { Value } from '../../../lib/store.ts'
import type { Registers } from '../core/frame.ts'
import type { Query } from '../core/query.ts'
import type { RecordState } from '../core/record-state.ts'
import type { Stamp, Write } from '../core/register.ts'

/*
 * What the application's side (surface) sees of a replica: records by id, what is followed, what is written.
 */

/**
 * How far a write is: seen on this replica; in its store, so that it outlives the process; committed by the authority; or
 * refused, and so undone.
 */
export type WriteStatus = 'local' | 'stored' | 'durable' | 'refused'

export interface Outcome {
  /** The clock of this replica was wrong by more than is believed, so the authority gave the write a stamp of its own. */
  readonly restamped: boolean
}

/** One call of `write`, on its way. */
export interface WriteHandle {
  /** Whose outbox it is in: that of the process that wrote it. With `number` it names the write for ever. */
  readonly node: string
  readonly number: number
  /** What it writes, with the stamps that it has now: they may be corrected until it is sent. */
  readonly records: readonly Registers<Write>[]
  readonly status: WriteStatus
  /** Resolves when the write is in the store of this replica; without a store at once. It waits as long as the store fails. */
  readonly stored: Promise<void>
  /**
   * Resolves when the authority committed the write. Rejects with the AnywireError of the code it was refused with; of a
   * write of several records that is not atomic, with that of the first one that was refused.
   */
  readonly durable: Promise<Outcome>
}

export interface WriteOptions {
  /** All of it or nothing. Default: each record by itself. */
  readonly atomic?: boolean
  /** Records with the version that they must still have when the authority judges the write, else ERR_CONFLICT. */
  readonly conditions?: readonly (readonly [record: string, version: number])[]
}

/**
 * 'loading': nothing is known yet; 'local': what this end has is there, which may be old, as it is without a wire; 'synced': all that the
 * authority has, over a wire that is there; 'refused': see `error`.
 */
export type FollowingState = 'loading' | 'local' | 'synced' | 'refused'

/** A record, collection or query that is followed: shared by all who follow the same. */
export interface Following {
  readonly name: string
  readonly query: Query | undefined
  readonly state: FollowingState
  /** Why it was refused: ERR_DENIED, ERR_LIMIT …; ERR_STORE where the store could not be read, so that nothing is known. */
  readonly error: AnywireError | undefined
  /** Resolves when something can be shown: 'local' or 'synced'. Rejects when refused. */
  readonly ready: Promise<void>
  /** Resolves when 'synced'. Rejects when refused. */
  readonly synced: Promise<void>
}

export interface EngineEvents {
  /** Ids of records whose state may look different now: once per frame that was applied, and per local write. */
  change: [changed: readonly string[]]
  /** The state of what is followed under a name changed. */
  following: [name: string]
  /** The authority does not let this end follow something: ERR_DENIED, ERR_LIMIT. Without a listener it is printed. */
  refused: [error: AnywireError, name: string]
  /** A write was refused, and is undone. `record` is '' for all of it. Also told for writes of former processes. Without a listener it is printed, unless somebody waits for the write. */
  rejected: [error: AnywireError, write: WriteHandle, record: string]
  /** What waits to be committed became more or less. */
  pending: [count: number]
  /** This client may not see these records any more; their data is gone. */
  evicted: [ids: readonly string[]]
  /** The clock of this device is off by so many milliseconds, a second or more, and corrected. */
  offset: [milliseconds: number]
  /** What was kept of a name is not what the authority has, so it is fetched anew. */
  divergence: [name: string]
  /** What was known under a name was replaced as a whole, as it was too old. */
  reset: [name: string]
  /** The authority does not serve this schema: it is too old ('upgrade'), too new ('wait', tried again), or that of another application ('other'). Without a listener it is printed. */
  mismatch: [advice: 'upgrade' | 'wait' | 'other', min: number, max: number]
  /** A newer version of the application wants the store: this one let go of it, and should be loaded again. */
  versionchange: [version: number]
  /** What this device keeps was cleared, here, or is by another tab: nothing is known any more, until the client is opened again. */
  cleared: []
  /** The store cannot be upgraded, or cleared, because another tab does not let go of it. It goes on when that is closed. */
  blocked: []
  /** ERR_STORE and whatever else the application should know of. */
  error: [error: AnywireError]
}

/** The part of a replica that the application's objects stand on. */
export interface Engine extends Pick<Emitter<EngineEvents>, 'on' | 'once'> {
  /**
   * Follows a record, a collection (a name that ends with a slash), or a query of one.
   * @param quiet - 1: the application has not asked for it, and is not told where only such follow it, and it is refused
   */
  follow(name: string, query?: Query, quiet?: 0 | 1): Following
  /** Asks the authority what it has of a record that is followed, though it may have told it. Rejects when refused. */
  ask(name: string): Promise<void>
  /** Ends that, when it was called as often. The data stays for a moment (`discardDelay`), in case it is followed again. */
  unfollow(following: Following, quiet?: 0 | 1): void
  /** What is seen of a record: what the authority committed, with what waits here. Not to be changed; undefined for nothing. */
  state(id: string): RecordState | undefined
  /** What applications see of a record; undefined where it does not exist. */
  look(id: string): Value | undefined
  /** The version of what the authority committed, for `conditions`; 0 for nothing. */
  version(id: string): number
  /** Whether the record exists, by the rule of its collection: see `Lifecycle`. `state`: how it is seen, or would be. */
  visible(id: string, state?: RecordState): boolean
  /** The ids of all records at hand that begin with a prefix, visible or not; in no order. */
  ids(prefix: string): Iterable<string>
  /** A stamp for what is written next: later than all that was seen here. */
  tick(): Stamp
  /**
   * Writes, with stamps from `tick`: seen at once, and sent when it is stored. The registers are taken as they are, of an `Edit` or
   * as good: whoever writes into a record that nobody made adds an OBJECT with the stamp IMPLICIT at its root.
   * @throws ERR_OPTION for a condition that is none; ERR_CLOSED
   */
  write(records: readonly Registers<Write>[], options?: WriteOptions): WriteHandle
  /** What waits to be committed, in the order of writing; also what other processes left in the store. */
  readonly pending: readonly WriteHandle[]
  /**
   * Takes a write back that was not sent in this session: it is undone at once, and refused with ERR_CANCELLED. Where it may have
   * been sent before, that waits for the authority: if it has committed the write already, that is 'durable' and seen again.
   * @returns false where it is too late for that
   */
  discard(write: WriteHandle): boolean
  /** Ends it, when its store has what it was given. */
  close(): Promise<void>
  /** The largest value and frame that the authority takes, in bytes. */
  readonly limits: { readonly maxValue: number; readonly maxFrame: number }
}

/**
 * When a record exists. 'strict': from being made until it is deleted; what is written into a deleted one stays unseen.
 * 'implicit': as long as there is anything in it, so a later write brings a deleted record back.
 */
export type Lifecycle = 'strict' | 'implicit'

/** How the records of a collection behave. */
export interface CollectionOptions {
  /** Default 'strict'. */
  readonly resurrect?: Lifecycle | undefined
}

/** By the beginning of ids, with the slash at its end; the longest one that says something decides. '' is for ids without a slash. */
export type Collections = Readonly<Record<string, CollectionOptions>>
