// What travels between the page and the server, and the guards of what comes from a page: a client can send anything.

/** Width and height of the board, in pixels. */
export const PLANE = { width: 2000, height: 1400 }

/** How a person signs: a name, and one of six colors. */
export interface Person {
  readonly name: string
  readonly color: number
}

export interface Note {
  readonly id: string
  readonly text: string
  readonly color: number
  readonly x: number
  readonly y: number
}

export interface Message {
  readonly id: string
  readonly by: Person
  readonly text: string
  /** Milliseconds since 1970, by the server's clock; 0 until the server has it. */
  readonly at: number
}

/**
 * What is kept. Each change has an id, made by the page that wants it, so that it may be sent again whenever its fate is
 * unknown: the server makes it once. The id of a note or message is that of the change which made it.
 */
export type Change =
  | ({ readonly type: 'add' } & Note)
  | ({ readonly type: 'edit'; readonly id: string; readonly note: string } & Partial<Omit<Note, 'id'>>)
  | { readonly type: 'remove'; readonly id: string; readonly note: string }
  | ({ readonly type: 'say' } & Message)

/** What somebody says of themselves in the place `board`: who they are, and where their pointer is; (-1, -1) when it is elsewhere. */
export interface Here extends Person {
  readonly x: number
  readonly y: number
}

/** What a page sends over the connection itself, and the server passes on, or back. */
export type Value =
  /** A note that is being dragged. May be lost: an `edit` follows. */
  | { readonly type: 'drag'; readonly note: string; readonly x: number; readonly y: number }
  /** Send this back, so that I see the order. */
  | { readonly type: 'flood'; readonly run: number; readonly n: number }

type Fields = Readonly<Record<string, unknown>>

const isText = (value: unknown, longest: number, shortest = 0): value is string =>
  typeof value === 'string' && value.length >= shortest && value.length <= longest

const isId = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{16}$/.test(value)

const isColor = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0 && Number(value) < 6

const isBetween = (value: unknown, from: number, to: number): value is number =>
  Number.isFinite(value) && Number(value) >= from && Number(value) <= to

const isPerson = (value: unknown): value is Person => {
  const { name, color } = Object(value) as Fields
  return isText(name, 24, 1) && isColor(color)
}

export const isHere = (value: unknown): value is Here => {
  const { x, y } = Object(value) as Fields
  return isPerson(value) && isBetween(x, -1, PLANE.width) && isBetween(y, -1, PLANE.height)
}

export const isNote = (value: unknown): value is Note => {
  const { id, text, color, x, y } = Object(value) as Fields
  return (
    isId(id) && isText(text, 280) && isColor(color) && isBetween(x, 0, PLANE.width) && isBetween(y, 0, PLANE.height)
  )
}

export const isMessage = (value: unknown): value is Message => {
  const { id, by, text, at } = Object(value) as Fields
  return isId(id) && isPerson(by) && isText(text, 500, 1) && isBetween(at, 0, Infinity)
}

/** The fields of a note that a change names. Whatever it leaves out is valid. */
const patchOf = ({ text, color, x, y }: Fields): Partial<Omit<Note, 'id'>> | undefined => {
  const patch = Object.fromEntries(Object.entries({ text, color, x, y }).filter(([, value]) => value !== undefined))
  return isNote({ id: '0'.repeat(16), text: '', color: 0, x: 0, y: 0, ...patch }) ? patch : undefined
}

/** A change that a page wants, without anything that does not belong there. Undefined: no page of ours wants that. */
export const parseChange = (value: unknown): Change | undefined => {
  const { type, id, note, by, text, color, x, y } = Object(value) as Fields
  if (!isId(id)) return undefined
  if (type === 'remove' && isId(note)) return { type, id, note }
  if (type === 'say' && isPerson(by) && isText(text, 500, 1)) {
    return { type, id, by: { name: by.name, color: by.color }, text, at: Date.now() }
  }
  const patch = patchOf({ text, color, x, y })
  if (type === 'edit' && isId(note) && patch) return { type, id, note, ...patch }
  if (type === 'add' && isNote(value)) return { type, id, text: value.text, color: value.color, x: value.x, y: value.y }
  return undefined
}

/** A value of the connection, likewise. */
export const parseValue = (value: unknown): Value | undefined => {
  const { type, note, x, y, run, n } = Object(value) as Fields
  if (type === 'flood' && isBetween(run, 0, 1e9) && isBetween(n, 0, 1e9)) return { type, run, n }
  if (type === 'drag' && isId(note) && isBetween(x, 0, PLANE.width) && isBetween(y, 0, PLANE.height)) {
    return { type, note, x, y }
  }
  return undefined
}
