/*
 * What the store and its threads say to each other. Names and values are texts by then (lib/store-text.ts, lib/store-value.ts).
 */

export type Driver = 'node:sqlite' | 'better-sqlite3' | 'libsql'

/** What a thread is started with. */
export interface ThreadData {
  readonly file: string
  /** The one that writes has the file to itself, and is there before the one that reads. */
  readonly role: 'writer' | 'reader'
  readonly synchronous: 'full' | 'normal'
  /** Default: the first that there is. */
  readonly driver: Driver | undefined
  /** Of a thread that writes where another one has died: which opening of the file it goes on with. */
  readonly opening?: number | undefined
}

/** A register: the value is JSON, null where there is none. */
export type PackedRow = readonly [
  record: string,
  path: string,
  kind: number,
  value: string | null,
  t: number,
  node: string,
  seq: number
]

export interface PackedCommit {
  readonly rows: readonly PackedRow[]
  readonly removed: readonly (readonly [record: string, path: string])[]
  readonly entries: readonly (readonly [key: string, value: string | null])[]
}

export type ReadRequest =
  | {
      readonly type: 'rows'
      readonly spans: readonly { readonly from: string; readonly to: string | undefined }[]
      readonly since: number | undefined
    }
  | { readonly type: 'records'; readonly prefix: string; readonly after: string | undefined; readonly limit: number }
  | { readonly type: 'entry'; readonly key: string }
  | { readonly type: 'entries'; readonly prefix: string }

export type Request =
  | { readonly type: 'open' }
  | { readonly type: 'commit'; readonly commits: readonly PackedCommit[] }
  | ReadRequest
  | { readonly type: 'close' }

/** How a request, or one commit, failed. */
export interface ThreadFailure {
  readonly code: 'ERR_STORE' | 'ERR_MISSING_PACKAGE'
  readonly hint: string
}

export interface Reply {
  readonly id: number
  readonly failure?: ThreadFailure
  /** Of `open`, of the thread that writes: which opening of the file it is. */
  readonly opening?: number | undefined
  /** Of commits: one for each, undefined where it was done. */
  readonly failures?: readonly (ThreadFailure | undefined)[]
  /** What was read: JSON of an array each, so that the other end can take one at a time. */
  readonly pages?: readonly string[]
}
