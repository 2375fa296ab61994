import type { Data } from './transformer.ts'

/** The version of the wire protocol: PROTOCOL.md. Both ends must speak the same one. */
export const PROTOCOL = 1

/** The query parameter that tells an anywire client from a plain one; its value is the protocol version. */
export const MARKER = 'anywire'

/** How far an end has got with the messages of a session: how many it received, and how many of those it took. */
export type Progress = readonly [received: number, consumed: number]

/** What a client says first. */
export interface Hello {
  readonly v: number
  readonly parser: string
  /** The plugins that need their other half, with their versions. */
  readonly plugins: readonly (readonly [name: string, version: number])[]
  /** The largest message, and the most unacknowledged bytes, that the client takes. */
  readonly limit: number
  readonly window: number
  readonly auth?: unknown
  /** The application's schema version. */
  readonly schema?: number | undefined
  /** To resume a session: its token, and the client's progress. */
  readonly session?: string
  readonly got?: Progress
  /** The client has a wire, and wants to go on over this one, or not at all. */
  readonly move?: boolean
}

/** What a server answers when it accepts: in order, as both ends pay for names. */
export type Welcome = readonly [
  id: string,
  /** Resumes this session once, over another wire. '' where the server keeps no sessions. */
  token: string,
  recovered: boolean,
  /** The plugins of the server that need their other half: the first one's lane is 1. */
  lanes: readonly string[],
  /** The names of the transformers that the server listens with. */
  transformers: readonly string[],
  /** The server's progress; 0 and 0 in a new session. */
  received: number,
  consumed: number,
  /** How many messages come before the first one that the server sends over this wire; 0 in a new session. */
  from: number,
  /** The largest message, and the most unacknowledged bytes, that the server takes. */
  limit: number,
  window: number,
  /** Milliseconds between two signs of life; 0 where the server does not ping. */
  heartbeat: number
]

/** The end of a session, as a control frame tells it: code, reason, and milliseconds to wait before coming back. */
export type Goodbye = readonly [code: number, reason: string, after: number]

/** A safe integer, not negative. */
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

export const isProgress = (value: unknown): value is Progress =>
  Array.isArray(value) && value.length === 2 && value.every(isCount)

/** Reads JSON. Undefined: it is none. */
export const parseJson = (json: unknown): unknown => {
  try {
    return JSON.parse(json as string)
  } catch {
    return undefined
  }
}

/** The JSON of a control frame of one type. Undefined: it is of another one, or has none. */
export const readControl = (type: string, data: Data): unknown =>
  data.slice(0, 2) === type ? parseJson(data.slice(2)) : undefined

/** Whether a server's answer can be gone on from. What it says of itself is taken as it is. */
export const isWelcome = (value: unknown): value is Welcome =>
  Array.isArray(value) &&
  value.length === 11 &&
  !!value[0] &&
  value.slice(3, 5).every(Array.isArray) &&
  value.slice(5).every(isCount)

/** Whether a code may be said: 1000, or one of those that no technology has for itself, from `least` on. */
export const isCode = (value: unknown, least: number): boolean =>
  isCount(value) && (value === 1000 || (value >= least && value < 5000))

export const isGoodbye = (value: unknown): value is Goodbye =>
  Array.isArray(value) && isCode(value[0], 3000) && typeof value[1] === 'string' && isCount(value[2])

/** Whether the technology itself closed a wire over what was sent, and would do so again. */
export const isFinal = (code: number): boolean => code === 1008 || code === 1009
