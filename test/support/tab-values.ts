import { packValue, unpackValue } from '../../lib/store-value.ts'

/** Stands for undefined, which no value is; no test has such a text. */
const NOTHING = '\0undefined'

const mark = (value: unknown): unknown => {
  if (value === undefined) return NOTHING
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(mark)
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, mark(field)]))
}

const unmark = (value: unknown): unknown => {
  if (value === NOTHING) return undefined
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(unmark)
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, unmark(field)]))
}

/** Values on their way into a page or out of it, as one text: playwright's own way takes seconds for ten thousand of them. */
export const packForTab = (value: unknown): string => packValue(mark(value))

export const unpackFromTab = (text: string): unknown => unmark(unpackValue(JSON.parse(text)))
