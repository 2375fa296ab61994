import { createHash } from 'node:crypto'
import { toText } from '../../lib/store-text.ts'
import { packValue } from '../../lib/store-value.ts'
import type { Commit } from '../../lib/store.ts'
import type { Query } from './package.ts'

/** How many characters of a path, or of a key, an index holds beside the longest id: a row of it has 2,704 bytes at most. */
export const PATH = 300
export const KEY = 600

/** A text as an index holds it: itself, or the beginning of it and a digest. U+FFFF is in no text: see lib/store-text.ts. */
export const cut = (text: string, length: number): string =>
  text.length <= length
    ? text
    : `${text.slice(0, length)}\uffff${createHash('sha256').update(text).digest('base64url')}`

interface Field {
  readonly record: string
  readonly path: string
  readonly whole: string | null
  readonly kind: number
  readonly value: string | null
  readonly t: number
  readonly node: string
  readonly seq: number
}

interface Entry {
  readonly key: string
  readonly whole: string | null
  readonly value: string
}

/** What one or more commits come to in the end: for each place what is written, or undefined for what is removed. */
export class Changes {
  readonly #fields = new Map<string, Field | readonly [record: string, path: string]>()
  readonly #entries = new Map<string, Entry | undefined>()

  /** @throws TypeError for what is no value */
  static of({ rows, removed, entries }: Commit): Changes {
    const changes = new Changes()
    for (const [id, name] of removed) {
      const [record, path] = [toText(id), cut(toText(name), PATH)]
      changes.#fields.set(`${record}\0${path}`, [record, path])
    }
    for (const { record: id, path: name, kind, value, t, node, seq } of rows) {
      const [record, full] = [toText(id), toText(name)]
      const path = cut(full, PATH)
      const packed = value === undefined ? null : packValue(value)
      const whole = path === full ? null : full
      changes.#fields.set(`${record}\0${path}`, {
        record,
        path,
        whole,
        kind,
        value: packed,
        t,
        node: toText(node),
        seq
      })
    }
    for (const [name, value] of entries) {
      const full = toText(name)
      const key = cut(full, KEY)
      const whole = key === full ? null : full
      changes.#entries.set(key, value === undefined ? undefined : { key, whole, value: packValue(value) })
    }
    return changes
  }

  /** What several come to, one after the other. */
  static together(all: readonly Changes[]): Changes {
    const together = new Changes()
    for (const changes of all) {
      for (const [place, change] of changes.#fields) together.#fields.set(place, change)
      for (const [key, change] of changes.#entries) together.#entries.set(key, change)
    }
    return together
  }

  /** All of it as one statement: it takes effect as a whole, and takes one way there and back. */
  toQuery(): Query {
    const removed: (readonly [record: string, path: string])[] = []
    const written: Field[] = []
    for (const change of this.#fields.values()) {
      if ('record' in change) written.push(change)
      else removed.push(change)
    }
    const removedKeys: string[] = []
    const entries: Entry[] = []
    for (const [key, entry] of this.#entries) {
      if (entry) entries.push(entry)
      else removedKeys.push(key)
    }
    const values = [
      removed.map(([record]) => record),
      removed.map(([, path]) => path),
      removedKeys,
      ...(['key', 'whole', 'value'] as const).map(column => entries.map(entry => entry[column])),
      ...(['record', 'path', 'whole', 'kind', 'value', 't', 'node', 'seq'] as const).map(column =>
        written.map(field => field[column])
      )
    ]
    return { name: 'anywire commit', text: COMMIT, values, rowMode: 'array' }
  }
}

/** The parts see the tables as they were before all of it, so none of them touches what another one does. */
const COMMIT = `
  WITH removed AS (
    DELETE FROM fields USING unnest($1::text[], $2::text[]) AS gone (record, path)
    WHERE fields.record = gone.record AND fields.path = gone.path
  ), removed_entries AS (
    DELETE FROM entries WHERE key = ANY ($3::text[])
  ), written_entries AS (
    INSERT INTO entries (key, whole_key, value)
    SELECT * FROM unnest($4::text[], $5::text[], $6::text[])
    ON CONFLICT (key) DO UPDATE SET value = excluded.value
  )
  INSERT INTO fields (record, path, whole_path, kind, value, t, node, seq)
  SELECT * FROM unnest($7::text[], $8::text[], $9::text[], $10::int[], $11::text[], $12::bigint[], $13::text[], $14::bigint[])
  ON CONFLICT (record, path) DO UPDATE
  SET kind = excluded.kind, value = excluded.value, t = excluded.t, node = excluded.node, seq = excluded.seq`
