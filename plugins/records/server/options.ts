import type { Value } from '../../../lib/store.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import type { Migrate } from '../client/migrate.ts'
import type { Schema, TypeOf } from '../client/types.ts'
import type { SchemaVersion } from '../core/frame.ts'
import type { OnWrite } from './hook.ts'
import type { RecordsReader } from './reader.ts'
import type { Validate } from './validate.ts'
import type { Given } from '../../../lib/given.ts'

export const VERBS = ['read', 'create', 'write', 'delete'] as const

/** What somebody wants to do with a record. */
export type Verb = (typeof VERBS)[number]

/** What the records of some names are, as the application says; any value where it says nothing. */
export type RecordOf<S extends Schema, Name extends string = keyof S & string> = string extends keyof S
  ? Value
  : TypeOf<S, Name>

/** What is wanted. */
export type Wish<R> =
  /** `value`, `current`: the record as it is; undefined where there is none, and for the name of a collection. */
  | {
      readonly verb: 'read'
      readonly value: R | undefined
      readonly previous: undefined
      readonly current: R | undefined
    }
  /** `value`: the record that would be made. */
  | {
      readonly verb: 'create'
      readonly value: R | undefined
      readonly previous: undefined
      readonly current: undefined
    }
  /**
   * `value`, `previous`: what would be at the path, of a counter the sum, and what is there. `current`: the whole record as it is; undefined
   * for the fields of one that is made.
   */
  | {
      readonly verb: 'write'
      readonly value: Value | undefined
      readonly previous: Value | undefined
      readonly current: R | undefined
    }
  /** `previous`, `current`: the record as it is. */
  | {
      readonly verb: 'delete'
      readonly value: undefined
      readonly previous: R | undefined
      readonly current: R | undefined
    }

interface Asked<Context, S extends Schema> {
  readonly peer: Peer<Context>
  /** What `authenticate` returned. */
  readonly context: Context
  /** The id of the record; for `read` also the name of a collection, which ends with a slash. */
  readonly record: string
  /** Where it is written; '' for the record itself. */
  readonly path: string
  /** Other records: as they will be with this write and all that its author wrote before; for `read` as they are. */
  readonly records: RecordsReader<S>
}

/** What `permit` is asked. What would be written is not validated yet. */
export type PermitQuestion<
  Context = unknown,
  S extends Schema = Schema,
  Name extends string = keyof S & string
> = Asked<Context, S> & Wish<RecordOf<S, Name>>

/**
 * Whether somebody may do something. Only true says so. A write is asked about at its own path, and then at each path where something
 * comes, goes, or is another value with it.
 */
export type Permit<Context = unknown, S extends Schema = Schema, Name extends string = keyof S & string> = (
  question: PermitQuestion<Context, S, Name>
) => boolean | Promise<boolean>

/** How the server treats the records of a collection. */
export interface ServerCollection<
  Context = unknown,
  S extends Schema = Schema,
  Name extends string = keyof S & string
> {
  /**
   * Who wins: 'hlc', what was written last, also where it arrives later; 'server', what arrives last. Default 'hlc'.
   */
  readonly order?: 'hlc' | 'server' | undefined
  /** Whether what is written into a deleted record brings it back: 'implicit', or only making it anew: 'strict'. Default 'strict'. */
  readonly resurrect?: 'strict' | 'implicit' | undefined
  /** Who may do what with its records. Default: what `permit` of all says. */
  readonly permit?: Permit<Context, S, Name> | undefined
  /** Judges each record as it would be with a write. Default: all is accepted. */
  readonly validate?: Validate<S, Name> | undefined
}

/** What a name of a schema begins with, up to the last slash before it may be anything: `boards/` of `boards/${string}/cards/`. */
type Beginning<Name extends string, Begun extends string = ''> = Name extends `${infer Part}/${infer More}`
  ? { readonly ''?: unknown } extends Record<Part, unknown>
    ? Begun
    : Beginning<More, `${Begun}${Part}/`>
  : Begun

/** By the beginning of ids, with the slash at its end; the longest one that says something decides. '' is for ids without a slash. */
export type ServerCollections<Context, S extends Schema> = string extends keyof S
  ? Readonly<Record<string, ServerCollection<Context>>>
  : {
      readonly [
        Name in (keyof S & string) | '' as Name extends '' | `${string}/` ? Name | Beginning<Name> : never
      ]?: ServerCollection<Context, S, Name>
    }

export interface RecordsLimits {
  /** Records, collections and queries that one client follows. Default 10,000. */
  readonly scopes: number
  /** Of them, queries that select. Default 100. */
  readonly queries: number
  /**
   * Records that match its queries, or that `permit` lets it see of what it follows, in all, when that begins; what has grown since goes on.
   * Default 1,000,000.
   */
  readonly matches: number
  /** Fields of a record, those that were deleted lately included. Default 10,000. */
  readonly fields: number
  /** Bytes of a record, about. Default 1,048,576 (1 MiB). */
  readonly record: number
  /** Bytes of one value, about. Default 262,144 (256 KiB). */
  readonly value: number
  /** Bytes of a frame to a client, about; at most 1,048,576. Default 65,536 (64 KiB). */
  readonly frame: number
  /** Records that one write is about, its conditions included. Default 1,000. */
  readonly batch: number
  /** Writes of one client that are not committed; past it the connection ends with ERR_RATE. Default 10,000. */
  readonly writes: number
  /** Bytes of them in memory, about; past it the connection ends with ERR_RATE. Default 67,108,864 (64 MiB). */
  readonly bytes: number
  /** Nodes that one client writes for in a session; past it the connection ends with ERR_RATE. Default 100. */
  readonly nodes: number
  /** Records that are kept in memory though nobody writes them, as long as they have 128 MiB at most, about. Default 10,000. */
  readonly cache: number
}

export const LIMITS: RecordsLimits = {
  scopes: 10_000,
  queries: 100,
  matches: 1_000_000,
  fields: 10_000,
  record: 1_048_576,
  value: 262_144,
  frame: 65_536,
  batch: 1_000,
  writes: 10_000,
  bytes: 67_108_864,
  nodes: 100,
  cache: 10_000
}

/** The schema of the records that a server serves. */
export interface ServerSchema extends SchemaVersion {
  /** The oldest version of clients that it serves. Default: only its own. */
  readonly min?: number | undefined
}

export interface RecordsServerOptions<Context = unknown, S extends Schema = Schema> {
  readonly collections?: ServerCollections<Context, S> | undefined
  /** Who may do what, where the collection does not say it. Default: everybody everything. */
  readonly permit?: Permit<Context, S> | undefined
  /** Sees each write that would be done: it may refuse it, or write more in the same commit. */
  readonly onWrite?: OnWrite<Context, S> | undefined
  /**
   * Whose state a client has: its user, as a rule. One that has something of somebody else, in memory or kept on its device, then neither sends nor
   * takes anything: ERR_IDENTITY. It is told a part of a hash. Default: anybody's.
   */
  readonly identity?: ((who: { readonly peer: Peer<Context>; readonly context: Context }) => string) | undefined
  readonly schema?: ServerSchema | undefined
  /**
   * What brings the records to this version of the schema, before any client is served: `migrations({ 2: … })`, as clients have it. What is
   * migrated keeps its stamps, so what somebody wrote offline, and later, still wins. Default: all is taken as it is.
   */
  readonly migrate?: Migrate | undefined
  /**
   * How long it is remembered what was deleted, in milliseconds; a write that is older, to something that is not there, fails
   * with ERR_STALE. Default 30 days.
   */
  readonly horizon?: number | undefined
  /**
   * How long it may take until a write is decided, in milliseconds: `permit`, `validate` and `onWrite` together, however often they are
   * asked, and the hooks of others that it waits for; past it the write is refused with ERR_TIMEOUT. Others wait for one call of a hook
   * for a tenth of it at most. As long may `permit` take about reading, before that is denied. Default 30,000 (30 s).
   */
  readonly timeout?: number | undefined
  readonly limits?: Given<RecordsLimits> | undefined
}

/** 30 seconds. */
export const TIMEOUT = 30_000

/** 30 days. */
export const HORIZON = 2_592_000_000
