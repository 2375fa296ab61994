import { isInSpans } from '../../lib/store-ranges.ts'
import { endOfPrefix } from '../../lib/store-text.ts'
import type { Database, Statement } from './driver.ts'
import type { ReadRequest } from './messages.ts'

interface Field {
  readonly record: string
  readonly path: string
  readonly kind: number
  readonly value: string | null
  readonly t: number
  readonly node: string
  readonly seq: number
}

/** How many items the other end takes at a time. */
const PAGE = 500

/** Up to so many changes are looked up by their number, and sorted; more are found by the order of records. */
const FEW = 2_000

const COLUMNS = 'SELECT record, path, kind, value, t, node, seq FROM fields'

/** The value comes last, and not at all where there is none. It is JSON already. */
const printField = ({ record, path, kind, value, t, node, seq }: Field): string => {
  const head = JSON.stringify([record, path, kind, t, node, seq])
  return value === null ? head : `${head.slice(0, -1)},${value}]`
}

const byName = (a: Field, b: Field): number =>
  a.record < b.record || (a.record === b.record && a.path < b.path) ? -1 : 1

const toPages = <T>(items: readonly T[], print: (item: T) => string): string[] => {
  const pages: string[] = []
  for (let at = 0; at < items.length; at += PAGE) {
    pages.push(
      `[${items
        .slice(at, at + PAGE)
        .map(print)
        .join(',')}]`
    )
  }
  return pages
}

/** Reads, as pages: see `Reply`. */
export class Reader {
  readonly #one: Statement
  readonly #span: Statement
  readonly #changes: Statement
  readonly #ids: Statement
  readonly #entry: Statement
  readonly #entries: Statement

  constructor(database: Database) {
    // A plus before a column keeps SQLite from taking the index of it.
    this.#one = database.prepare(`${COLUMNS} WHERE record = ? AND +seq > ? ORDER BY record, path`)
    this.#span = database.prepare(`${COLUMNS} WHERE record >= ? AND record < ? AND +seq > ? ORDER BY record, path`)
    this.#changes = database.prepare(`${COLUMNS} INDEXED BY fields_seq WHERE seq > ? LIMIT ${FEW + 1}`)
    this.#ids = database.prepare(
      'SELECT DISTINCT record FROM fields WHERE record >= ? AND record > ? AND record < ? ORDER BY record LIMIT ?'
    )
    this.#entry = database.prepare('SELECT value FROM entries WHERE key = ?')
    this.#entries = database.prepare('SELECT key, value FROM entries WHERE key >= ? AND key < ? ORDER BY key')
  }

  read(request: ReadRequest): string[] {
    switch (request.type) {
      case 'rows':
        return toPages(this.#rows(request), printField)
      case 'records': {
        const { prefix, after = '', limit } = request
        const found = this.#ids.all(prefix, after, endOfPrefix(prefix), limit) as Pick<Field, 'record'>[]
        return toPages(found, ({ record }) => JSON.stringify(record))
      }
      case 'entry': {
        const found = this.#entry.get(request.key) as { value: string } | undefined
        return found ? [`[${found.value}]`] : []
      }
      case 'entries': {
        const { prefix } = request
        const found = this.#entries.all(prefix, endOfPrefix(prefix)) as { key: string; value: string }[]
        return toPages(found, ({ key, value }) => `[${JSON.stringify(key)},${value}]`)
      }
    }
  }

  #rows({ spans, since = -1 }: Extract<ReadRequest, { type: 'rows' }>): Field[] {
    if (since >= 0 && spans.some(({ to }) => to !== undefined)) {
      const changes = this.#changes.all(since) as Field[]
      if (changes.length <= FEW) return changes.filter(({ record }) => isInSpans(spans, record)).sort(byName)
    }
    return spans.flatMap(
      ({ from, to }) => (to === undefined ? this.#one.all(from, since) : this.#span.all(from, to, since)) as Field[]
    )
  }
}
