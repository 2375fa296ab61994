import { isCount, isProgress } from '../handshake.ts'
import type { Hello } from '../handshake.ts'
import { MAX_LANE } from '../frames.ts'

/** The longest token that a client may show, in characters: more than any server makes. */
const TOKEN = 512

const isName = (value: unknown): value is string => typeof value === 'string' && value.length > 0 && value.length < 128

const isPlugin = (value: unknown): value is readonly [string, number] =>
  Array.isArray(value) && value.length === 2 && isName(value[0]) && isCount(value[1])

/** Reads the first message of a client. Undefined: it is no hello. */
export const parseHello = (json: unknown): Hello | undefined => {
  const { v, parser, plugins, limit, window, auth, schema, session, got } = Object(json) as Partial<
    Record<keyof Hello, unknown>
  >
  if (!isCount(v) || !isName(parser) || !isCount(limit) || !isCount(window)) return undefined
  if (!Array.isArray(plugins) || plugins.length > MAX_LANE || !plugins.every(isPlugin)) return undefined
  if (schema !== undefined && !isCount(schema)) return undefined
  const resumes = typeof session === 'string' && session.length <= TOKEN && isProgress(got)
  return {
    v,
    parser,
    plugins,
    limit,
    window,
    auth,
    ...(schema !== undefined && { schema }),
    ...(resumes && { session, got })
  }
}
