/*
 * What travels over the lane. A client asks, by number, and is answered by that number; what it updates is not answered.
 * A server tells watchers what a place looks like, and then what changes.
 */

/** client → server: [ENTER, number, place, data], [LEAVE, number, place], [WATCH, number, place], [UNWATCH, number, place] */
export const ENTER = 0
export const LEAVE = 1
export const WATCH = 2
export const UNWATCH = 3
/** client → server: [UPDATE, place, data] */
export const UPDATE = 4

/** server → client: [DONE, number]; [REFUSED, number, code] */
export const DONE = 5
export const REFUSED = 6
/**
 * server → client: [STATE, place, members, more]: all there are; [CHANGES, place, members, more]: those that are new or have
 * changed. `more`: true where the next CHANGES are a part of it, too much for one message
 */
export const STATE = 7
export const CHANGES = 8
/** server → client: [EVICTED, place, verb, code]: what was allowed is not any more; of 'update': it was not taken */
export const EVICTED = 9

/** Someone in a place: with no connection, they have left. */
export type Row = readonly [identity: string, connections: number, data?: unknown]

export type Ask = typeof ENTER | typeof LEAVE | typeof WATCH | typeof UNWATCH

export type Verb = 'enter' | 'watch'

export type Request =
  | { readonly ask: Ask; readonly number: number; readonly place: string; readonly data: unknown }
  | { readonly ask: typeof UPDATE; readonly place: string; readonly data: unknown }

export type Answer =
  | { readonly number: number; /** Why the server refused; '' where it did not. */ readonly code: string }
  | ({ readonly place: string } & News)
  | { readonly place: string; readonly verb: Verb | 'update'; readonly code: string }

/** What a place looks like, or what has changed there. */
export interface News {
  readonly type: typeof STATE | typeof CHANGES
  readonly rows: readonly Row[]
  readonly more: boolean
}

/** The longest name of a place, in UTF-16 units. */
const LONGEST = 256

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

/** Whether a place may be called so. */
export const isPlace = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= LONGEST

const listOf = (packet: unknown): readonly unknown[] => (Array.isArray(packet) ? packet : [])

/** Reads what a client says. Undefined: it is nothing of this plugin. */
export const parseRequest = (packet: unknown): Request | undefined => {
  const [ask, second, third, fourth] = listOf(packet)
  if (ask === UPDATE) return isPlace(second) ? { ask, place: second, data: third } : undefined
  if (ask !== ENTER && ask !== LEAVE && ask !== WATCH && ask !== UNWATCH) return undefined
  return isNumber(second) && isPlace(third) ? { ask, number: second, place: third, data: fourth } : undefined
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

const isRow = (value: unknown): value is Row =>
  Array.isArray(value) && typeof value[0] === 'string' && isNumber(value[1])

/** Reads what a server says. Undefined: it is nothing of this plugin. */
export const parseAnswer = (packet: unknown): Answer | undefined => {
  const [type, second, third, fourth] = listOf(packet)
  if (type === DONE && isNumber(second)) return { number: second, code: '' }
  if (type === REFUSED && isNumber(second)) return { number: second, code: textOf(third) || 'ERR_DENIED' }
  if (typeof second !== 'string') return undefined
  if ((type === STATE || type === CHANGES) && Array.isArray(third) && third.every(isRow)) {
    return { type, place: second, rows: third, more: fourth === true }
  }
  if (type !== EVICTED || (third !== 'enter' && third !== 'watch' && third !== 'update')) return undefined
  return { place: second, verb: third, code: textOf(fourth) }
}
