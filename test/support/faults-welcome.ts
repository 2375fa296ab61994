import type { Welcome } from '../../lib/handshake.ts'

/** A welcome, by the names of what is in it. */
export interface Welcomed {
  readonly id: string
  readonly token: string
  readonly recovered: boolean
  readonly lanes: readonly string[]
  readonly transformers: readonly string[]
  readonly got: readonly [received: number, consumed: number]
  readonly from: number
  readonly limit: number
  readonly window: number
  readonly heartbeat: number
}

/** Reads a server's answer. */
export const readWelcome = (answer: string): Welcomed => {
  const welcome = JSON.parse(answer.slice(2)) as Welcome
  const [id, token, recovered, lanes, transformers, received, consumed, from, limit, window, heartbeat] = welcome
  return { id, token, recovered, lanes, transformers, got: [received, consumed], from, limit, window, heartbeat }
}

const USUAL = {
  id: 'id',
  token: 'id.token',
  recovered: false,
  lanes: [],
  transformers: [],
  got: [0, 0],
  from: 0,
  limit: 1_048_576,
  window: 1_048_576,
  heartbeat: 0
}

/** Writes an answer, which may be none that a server should give. */
export const writeWelcome = (more: Record<string, unknown> = {}): string => {
  const { id, token, recovered, lanes, transformers, got, from, limit, window, heartbeat } = { ...USUAL, ...more }
  const progress: unknown[] = Array.isArray(got) ? got : [got]
  return `!1${JSON.stringify([id, token, recovered, lanes, transformers, ...progress, from, limit, window, heartbeat])}`
}
