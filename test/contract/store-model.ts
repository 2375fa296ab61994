import type { Commit, Row, Store } from '../../lib/store.ts'
import type { Question } from './store-values.ts'

/** Whether a register is in what a question asks for. */
const isIn = ({ record, seq }: Row, question: Extract<Question, { ranges: unknown }>): boolean =>
  seq > (question.since ?? -1) &&
  question.ranges.some(range => ('record' in range ? range.record === record : record.startsWith(range.prefix)))

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** What a store should say, in the plainest way. */
export class Model {
  rows: Row[] = []
  entries: (readonly [key: string, value: unknown])[] = []

  commit({ rows, removed, entries }: Commit): void {
    for (const [record, path] of removed) this.#remove(record, path)
    for (const row of rows) {
      this.#remove(row.record, row.path)
      this.rows.push(row)
    }
    for (const [key, value] of entries) {
      this.entries = this.entries.filter(([other]) => other !== key)
      if (value !== undefined) this.entries.push([key, value])
    }
    this.rows.sort((a, b) => compare(a.record, b.record) || compare(a.path, b.path))
    this.entries.sort(([a], [b]) => compare(a, b))
  }

  answer(question: Question): unknown {
    if ('ranges' in question) return this.rows.filter(row => isIn(row, question))
    if ('entry' in question) return this.entries.find(([key]) => key === question.entry)?.[1]
    if ('entries' in question) return this.entries.filter(([key]) => key.startsWith(question.entries))
    const { prefix, after, limit } = question
    const ids = new Set(this.rows.map(({ record }) => record).filter(id => id.startsWith(prefix)))
    return [...ids].filter(id => after === undefined || id > after).slice(0, limit)
  }

  #remove(record: string, path: string): void {
    this.rows = this.rows.filter(row => row.record !== record || row.path !== path)
  }
}

/** What a store does say. */
export const ask = async (store: Store, question: Question): Promise<unknown> => {
  if ('ranges' in question) return store.rows(question.ranges, question.since)
  if ('entry' in question) return store.entry(question.entry)
  if ('entries' in question) return store.entries(question.entries)
  return store.records(question.prefix, question.after, question.limit)
}
