/*
 * Over the lane, as lib/requests.ts has it. To the server:
 *
 *     [number, ENTER, place, data]  is here, until it is ended
 *     [number, data]                says something else, as who entered by that number
 *     [number, WATCH, place]        is told who is here, until it is ended
 *
 * To the client:
 *
 *     [-number, 0, row?]            done; to who enters where it watches, who it is now
 *     [-number, 0, time?]           to who watches: for so many milliseconds who was here before the server began may be missing
 *     [-number, ROWS, rows]         to who watches, before it is done: those who are here, or a part of them
 *     [place, rows]                 to who watches: those who are new, or have changed
 *     [-number, KEPT, code, text]   what was said last was not taken
 */
export const ENTER = 'enter'
export const WATCH = 'watch'

export const ROWS = 1
export const KEPT = 2

/** Someone in a place: with no connection, they have left. */
export type Row = readonly [identity: string, connections: number, data?: unknown]

export type Verb = typeof ENTER | typeof WATCH

/** The longest name of a place, in UTF-16 units. */
const LONGEST = 256

/** Whether a place may be called so. */
export const isPlace = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= LONGEST
