/**
 * What a field of a record holds. Objects and arrays below an array are one value with it; an object elsewhere is no value,
 * but fields of its own.
 */
export type Value = null | boolean | number | string | Uint8Array | readonly Value[] | { readonly [key: string]: Value }

/** One register of a record: what was written last at a path. */
export interface Row {
  readonly record: string
  /** Keys with dots between them; '' is the record itself. Within a key, `.` and `\` have a `\` before them. */
  readonly path: string
  /** What was written; a small whole number that the store keeps as it is. */
  readonly kind: number
  /** Undefined for kinds that have no value. */
  readonly value: Value | undefined
  /** When it was written: a safe integer, not negative. */
  readonly t: number
  /** Who wrote it. */
  readonly node: string
  /** The place of the write in the order of commits: a safe integer, not negative. */
  readonly seq: number
}

/** What is committed together, or not at all. */
export interface Commit {
  /** Registers to write; one that is there at the same record and path is replaced. */
  readonly rows: readonly Row[]
  /** Registers to remove. What is both removed and written is written. */
  readonly removed: readonly (readonly [record: string, path: string])[]
  /** Entries to write, or to remove where the value is undefined. Values are such as registers have. */
  readonly entries: readonly (readonly [key: string, value: unknown])[]
}

/** Which registers: of one record, or of all whose id begins with a prefix. */
export type Range = { readonly record: string } | { readonly prefix: string }

/**
 * Keeps records: registers by record and path, and entries by key for what else the records plugin has to remember.
 *
 * Rules for whoever implements it:
 * - `commit` is atomic and durable: once its promise resolved, the commit survives the death of the process; when it
 *   rejected, or the process died before, either all of it is there or nothing.
 * - Commits take effect in the order of the calls, and a read that is called after a commit resolved sees it. Within a commit
 *   the later of two rows, or of two entries, of one name counts.
 * - A slow commit does not delay reads, and nothing blocks the event loop for more than a few milliseconds.
 * - Strings are ordered by their UTF-16 code units, as JavaScript does. Ids, paths and keys may hold any character but NUL, and
 *   lone surrogates; values and entries may hold NUL too. Values come back as they were: also −0, bytes within arrays.
 * - An id has up to 256 units, and so has a prefix; a path and a key have up to 1,024, and a value up to 1 MiB.
 * - Before `open` resolved and after `close` was called every other method rejects; `open` rejects while it is open. Who has
 *   closed a store may open it again.
 * - What a method returns is the caller's; what it was given is not kept where the caller could change it.
 * - A place has one user at a time, but in browsers, where tabs share it. Everything that fails is an ERR_STORE whose message
 *   says what to do.
 */
export interface Store {
  /** Which place it is: of stores that tabs of a browser have, those with one name are one. Stands in messages too. */
  readonly name: string
  /** Opens it, making what it needs where it is new. */
  open(): Promise<void>
  /** The registers of some ranges that were written behind `since` (default: all), in the order of record, then path. */
  rows(ranges: readonly Range[], since?: number): Promise<Row[]>
  /** The ids of records that begin with a prefix, in order: those behind `after`, and no more than `limit`. */
  records(prefix: string, after?: string, limit?: number): Promise<string[]>
  /** The entry of a key; undefined where there is none. */
  entry(key: string): Promise<unknown>
  /** The entries whose key begins with a prefix, in the order of keys. */
  entries(prefix: string): Promise<(readonly [key: string, value: unknown])[]>
  commit(commit: Commit): Promise<void>
  /** Waits for the commits under way, and lets go of everything. */
  close(): Promise<void>
}
