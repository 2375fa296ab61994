import type { Query } from './query.ts'
import type { Register, Write } from './register.ts'

/*
 * What the two halves say to each other. A frame is bytes on the wire (client-codec.ts, server-codec.ts), so that it is the same with every parser.
 * PROTOCOL.md, "records".
 */

/** What a client wants to follow: a record, a collection (a name that ends with a slash), or a query of a collection. */
export interface Follow {
  /** Chosen by the client; unique within the session. */
  readonly scope: number
  readonly name: string
  readonly query?: Query | undefined
  /**
   * How far the client has it: the epoch and the sequence number of its base; '' and 0 for nothing. An epoch that is none: what is there may be
   * old.
   */
  readonly epoch: string
  readonly since: number
  /** Whether the client compares digests: one of COMPARES, DIFFERS; 0: it does not. */
  readonly digest: number
}

/** Where the scope goes on from its cursor, the client wants to be told its digest. */
export const COMPARES = 1
/** The digest was another one: the client had something else than the server, and wants all of it anew. */
export const DIFFERS = 2

/** The schema of an application's records: a name, and a version that grows. */
export interface SchemaVersion {
  readonly id: string
  readonly version: number
}

/** Registers, or writes, of one record. */
export interface Registers<R extends Write = Register> {
  readonly record: string
  readonly registers: readonly R[]
}

/** client → server, first in each session. */
export interface Hello {
  readonly type: 'hello'
  readonly version: number
  /** Proves that nodes are the client's own: see `isSecret`. */
  readonly secret: string
  readonly schema: SchemaVersion | undefined
  /** The client's monotonic clock, in milliseconds, to be sent back. */
  readonly asked: number
  /**
   * Nodes of which something waits to be acknowledged, from a number on: so the first delta has what became of it, together with its
   * effects. Those of other processes that have the same storage are among them.
   */
  readonly nodes: readonly (readonly [node: string, number: number])[]
  readonly follows: readonly Follow[]
  readonly behind?: Behind | undefined
}

export interface FollowFrame {
  readonly type: 'follow'
  readonly follows: readonly Follow[]
  readonly behind?: Behind | undefined
}

/** The last write of the client that is not acknowledged when it asks for something: it is not refused before that is committed. */
export type Behind = readonly [node: string, number: number]

export interface Unfollow {
  readonly type: 'unfollow'
  readonly scopes: readonly number[]
}

/**
 * client → server: what is written together. Numbers begin with 1 and grow by one, for each node, for ever. One without records
 * only takes its number: its client took the write back.
 */
export interface WriteFrame {
  readonly type: 'write'
  readonly node: string
  readonly number: number
  /** All of it or nothing. Otherwise each record's part is judged by itself. */
  readonly atomic: boolean
  /** Records with the version that they must still have. */
  readonly conditions: readonly (readonly [record: string, version: number])[]
  readonly records: readonly Registers<Write>[]
}

/** client → server: the results up to this number are stored, and may be forgotten. */
export interface Confirm {
  readonly type: 'confirm'
  readonly node: string
  readonly number: number
}

/**
 * client → server: nodes of other processes that have the same storage, whose writes this one shows too, from a number on. What becomes of
 * them is told from here on as that of its own writes is, and at once how far they are.
 */
export interface Nodes {
  readonly type: 'nodes'
  readonly nodes: Hello['nodes']
}

export interface Ping {
  readonly type: 'ping'
  readonly asked: number
}

export interface Pong {
  readonly type: 'pong'
  readonly asked: number
  /** The server's time, in milliseconds since 1970. */
  readonly time: number
}

/** server → client: the answer to a hello that can be gone on from. What the scopes have follows in deltas. */
export interface Welcome {
  readonly type: 'welcome'
  readonly epoch: string
  readonly asked: number
  readonly time: number
  /** The largest value and frame in bytes. */
  readonly maxValue: number
  readonly maxFrame: number
}

/** What a client is that is not served: too old, too new, or another application. By their bytes. */
export const ADVICE = ['upgrade', 'wait', 'other'] as const

/** server → client: the schema of the client is none that the server serves, so no data travels. */
export interface Mismatch {
  readonly type: 'mismatch'
  readonly advice: (typeof ADVICE)[number]
  readonly min: number
  readonly max: number
}

/** The code of a result: it was done, with another stamp. */
export const RESTAMP = 'restamp'

/**
 * Why a write was not done as it was asked for. `record` '' is about all of it. Where the number is not acknowledged, the refusal
 * is for now: this write and those behind it are not done, and are sent again later.
 */
export interface Result {
  readonly node: string
  readonly number: number
  readonly record: string
  /**
   * 'restamp' was done, with another stamp; all others were not done: the code of an error. ERR_NODE, where the number is not
   * acknowledged: nothing of the node is taken from here, so what waits goes on under another one.
   */
  readonly code: string
  readonly hint: string
}

/** What became of a scope. */
export interface ScopeNews {
  readonly scope: number
  /**
   * 'reset': what the client had of it is replaced by what the delta brings, as it is too old; 'anew': the same, as nobody knows
   * what of it may still be seen; 'delta': it is added; 'left': the client let go of it, and what is evicted on the same page is in no other
   * one. Else the code of an error, and behind `: ` what else is known of it.
   */
  readonly outcome: string
}

/**
 * server → client: what changed. It is applied as a whole, with those before it that have `more`. Behind one without `more` the
 * client has all that was committed up to `seq` in each of its scopes.
 */
export interface Delta {
  readonly type: 'delta'
  readonly seq: number
  readonly more: boolean
  readonly scopes: readonly ScopeNews[]
  readonly records: readonly Registers[]
  /** For each record above, the version that it has now: see `WriteFrame.conditions`. */
  readonly versions: readonly number[]
  /**
   * For each record above, whether these are all of its registers, and replace what the client has of it; otherwise they are
   * merged, and where there are none it is only named: a query has it. All that a reset brings is whole, and so is a record that comes into the client's scopes.
   */
  readonly whole: readonly boolean[]
  /** Records that left all of the client's scopes. */
  readonly evicted: readonly string[]
  /** Records that left them because the client may not see them any more. */
  readonly denied: readonly string[]
  /** The last write of a node that is committed; what it wrote is in this delta or a former one. */
  readonly acknowledged: readonly (readonly [node: string, number: number])[]
  readonly results: readonly Result[]
  /** The digests of scopes, as they are behind this delta, where the client compares them. */
  readonly digests: readonly (readonly [scope: number, digest: number])[]
}

/** server → client: a newer schema was deployed, the server is going away, or whose state this is, by what stands for it. */
export interface Notice {
  readonly type: 'notice'
  readonly what: (typeof NOTICES)[number]
  readonly number: number
}

export const NOTICES = ['versionchange', 'bye', 'identity'] as const

export type ClientFrame = Hello | FollowFrame | Unfollow | WriteFrame | Confirm | Nodes | Ping
export type ServerFrame = Welcome | Mismatch | Delta | Pong | Notice
