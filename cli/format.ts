import { inspect } from 'node:util'

/** What a terminal would take for an order: all control characters but tab and line feed. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

const escape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** A text from the other end that is safe to print on a terminal: what JSON would escape is, and what it could. */
export const printable = (text: string): string => text.replace(CONTROL, escape)

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** Whether JSON says all there is to say about a value. */
const isJson = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.every(isJson)
  if (isObject(value)) return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isJson)
  return value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value)
}

/** What stands for a value that JSON does not have. */
const replace = (value: unknown): unknown => {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Map || value instanceof Set) return [...value]
  if (ArrayBuffer.isView(value)) return replace(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
  if (value instanceof ArrayBuffer) return replace(new Uint8Array(value))
  return value
}

/** One line of JSON; bytes as base64, bigints as text, Maps and Sets as arrays, undefined as null. */
export const toLine = (value: unknown): string =>
  JSON.stringify(value, (_key, item: unknown) => replace(item)) ?? 'null'

/** One line for people: JSON, or what Node shows for the rest. */
export const describe = (value: unknown): string =>
  isJson(value) ? toLine(value) : inspect(value, { depth: Infinity, breakLength: Infinity })

const COLORS = { key: 34, string: 32, number: 33, word: 35 }

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d[\d.eE+-]*|true|false|null/g

const paint = (token: string, color: number): string => `\x1b[${color}m${token}\x1b[39m`

const highlight = (json: string): string =>
  json.replace(TOKEN, (token, text?: string, colon?: string) => {
    if (text !== undefined) return colon === undefined ? paint(text, COLORS.string) : paint(text, COLORS.key) + colon
    return paint(token, /^[tfn]/.test(token) ? COLORS.word : COLORS.number)
  })

/** Several lines for people. */
export const toPretty = (value: unknown, colors: boolean): string => {
  if (!isJson(value)) return inspect(value, { depth: Infinity, colors })
  const json = printable(JSON.stringify(value, undefined, 2))
  return colors ? highlight(json) : json
}
