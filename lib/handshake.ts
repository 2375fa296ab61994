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
  readonly schema?: number
  /** To resume a session: its token, and the client's progress. */
  readonly session?: string
  readonly got?: Progress
}

/** What a server answers when it accepts. */
export interface Welcome {
  readonly id: string
  /** Resumes this session once, over another wire. '' where the server keeps no sessions. */
  readonly token: string
  readonly recovered: boolean
  /** The server's progress; [0, 0] in a new session. */
  readonly got: Progress
  /** The plugins of the server that need their other half: the first one's lane is 1. */
  readonly lanes: readonly string[]
  readonly limit: number
  readonly window: number
  /** Milliseconds between two signs of life; 0 where the server does not ping. */
  readonly heartbeat: number
}

/** The end of a session, as it is told in a control frame: code, reason, and milliseconds to wait before coming back. */
export type Goodbye = readonly [code: number, reason: string, after: number]

/** Whether the technology itself closed a wire over what was sent, and would do so again. */
export const isFinal = ([code]: Goodbye): boolean => code === 1008 || code === 1009

/** Whether a value is a count: a safe integer, not negative. */
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

export const isProgress = (value: unknown): value is Progress =>
  Array.isArray(value) && value.length === 2 && value.every(isCount)

const isText = (value: unknown): value is string => typeof value === 'string'

/** Reads JSON that should be an object. Undefined: it is not. */
export const parseObject = (json: unknown): Record<string, unknown> | undefined => {
  try {
    const value: unknown = isText(json) ? JSON.parse(json) : undefined
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

export const parseWelcome = (json: unknown): Welcome | undefined => {
  const { id, token, recovered, got, lanes, limit, window, heartbeat } = parseObject(json) ?? {}
  return isText(id) &&
    isText(token) &&
    typeof recovered === 'boolean' &&
    isProgress(got) &&
    Array.isArray(lanes) &&
    lanes.every(isText) &&
    isCount(limit) &&
    isCount(window) &&
    isCount(heartbeat)
    ? { id, token, recovered, got, lanes, limit, window, heartbeat }
    : undefined
}

export const parseGoodbye = (json: unknown): Goodbye | undefined => {
  const [code, reason, after = 0] = Object.values(parseObject(json) ?? {})
  return isCount(code) && isText(reason) && isCount(after) ? [code, reason, after] : undefined
}
