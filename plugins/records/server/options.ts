import type { Value } from '../../../lib/store.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import type { SchemaVersion } from '../core/frame.ts'
import type { OnWrite } from './hook.ts'
import type { Validate } from './validate.ts'

export const VERBS = ['read', 'create', 'write', 'delete'] as const

/** What somebody wants to do with a record. */
export type Verb = (typeof VERBS)[number]

/** What `permit` is asked. */
export interface PermitQuestion<Context = unknown> {
  readonly peer: Peer<Context>
  /** What `authenticate` returned. */
  readonly context: Context
  readonly verb: Verb
  /** The id of the record; for `read` also the name of a collection, which ends with a slash. */
  readonly record: string
  /** Where it is written; '' for the record itself. */
  readonly path: string
  /** What would be there: of a counter the sum, of an object all that is written below it. Of `read`: the record. */
  readonly value: Value | undefined
  /** What is there now. */
  readonly previous: Value | undefined
  /** The whole record as it is now; undefined where there is none, and for the name of a collection. */
  readonly current: Value | undefined
}

/** Whether somebody may do something. Only true says so. */
export type Permit<Context = unknown> = (question: PermitQuestion<Context>) => boolean | Promise<boolean>

/** How the server treats the records of a collection. */
export interface ServerCollection {
  /**
   * Who wins: 'hlc', what was written last, also where it arrives later; 'server', what arrives last. Default 'hlc'.
   */
  readonly order?: 'hlc' | 'server'
  /** Whether what is written into a deleted record brings it back: 'implicit', or only making it anew: 'strict'. Default 'strict'. */
  readonly resurrect?: 'strict' | 'implicit'
  /** Judges each record as it would be with a write. Default: all is accepted. */
  readonly validate?: Validate
}

export interface RecordsLimits {
  /** Records, collections and queries that one client follows. Default 10,000. */
  readonly scopes: number
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
  /** Bytes of them; past it the connection ends with ERR_RATE. Default 67,108,864 (64 MiB). */
  readonly bytes: number
  /** Nodes that one client writes for in a session; past it the connection ends with ERR_RATE. Default 100. */
  readonly nodes: number
  /** Records that are kept in memory though nobody writes them. Default 10,000. */
  readonly cache: number
}

export const LIMITS: RecordsLimits = {
  scopes: 10_000,
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
  readonly min?: number
}

export interface RecordsServerOptions<Context = unknown> {
  /** By the beginning of ids, with the slash at its end; the longest one decides. '' is for ids without a slash. */
  readonly collections?: Readonly<Record<string, ServerCollection>>
  readonly permit?: Permit<Context>
  /** Sees each write that would be done: it may refuse it, or write more in the same commit. */
  readonly onWrite?: OnWrite<Context>
  readonly schema?: ServerSchema
  /**
   * How long it is remembered what was deleted, in milliseconds; a write that is older, to something that is not there, fails
   * with ERR_STALE. Default 30 days.
   */
  readonly horizon?: number
  /**
   * How long `permit`, `validate` and `onWrite` together may take to answer for a write, in milliseconds; past it the write is
   * refused with ERR_TIMEOUT. As long may `permit` take about reading, before that is denied. Default 30,000 (30 s).
   */
  readonly timeout?: number
  readonly limits?: Partial<RecordsLimits>
}

/** 30 seconds. */
export const TIMEOUT = 30_000

/** 30 days. */
export const HORIZON = 2_592_000_000
