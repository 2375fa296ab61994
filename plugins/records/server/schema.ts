import type { Mismatch, SchemaVersion } from '../core/frame.ts'
import type { ServerSchema } from './options.ts'

/** What a client is told whose schema is none that is served; undefined: it is served. Who serves no schema serves all. */
export const adviceFor = (
  client: SchemaVersion | undefined,
  server: ServerSchema | undefined
): Mismatch | undefined => {
  if (!server) return undefined
  const { id, version: max, min = max } = server
  if (client?.id === id && client.version >= min && client.version <= max) return undefined
  const isOther = client && client.id !== id
  const advice = isOther ? 'other' : client && client.version > max ? 'wait' : 'upgrade'
  return { type: 'mismatch', advice, min, max }
}
