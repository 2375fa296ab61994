import { isCount, isProgress } from '../handshake.ts'
import type { Hello } from '../handshake.ts'
import { MAX_LANE } from '../frames.ts'

/** The longest token that a client may show, in characters: more than any server makes. */
const TOKEN = 512

const isName = (value: unknown): value is string => typeof value === 'string' && value.length > 0 && value.length < 128

const isPlugin = (value: unknown): value is readonly [string, number] =>
  Array.isArray(value) && value.length === 2 && isName(value[0]) && isCount(value[1])

/** The least that a client must take, as its limit and as its window, in bytes: with less nothing could be said to it. */
const LEAST = 1_024

/** How deep `auth` may be nested. */
const DEPTH = 64

/** Whether nothing in a value could change prototypes once somebody copies it, or overflow the stack of who walks it. */
const isTame = (value: unknown, room = DEPTH): boolean => {
  if (typeof value !== 'object' || value === null) return true
  const tame = ([key, item]: [string, unknown]): boolean =>
    key !== '__proto__' &&
    !(key === 'constructor' && Object.hasOwn({ ...Object(item) } as object, 'prototype')) &&
    isTame(item, room - 1)
  return room > 0 && Object.entries(value).every(tame)
}

/** Reads the first message of a client. Undefined: it is no hello. */
export const parseHello = (json: unknown): Hello | undefined => {
  const { v, parser, plugins, limit, window, auth, schema, session, got, move } = Object(json) as Partial<
    Record<keyof Hello, unknown>
  >
  if (!isCount(v) || !isName(parser) || !isCount(limit) || !isCount(window)) return undefined
  if (limit < LEAST || window < LEAST) return undefined
  if (!Array.isArray(plugins) || plugins.length > MAX_LANE || !plugins.every(isPlugin)) return undefined
  if (schema !== undefined && !isCount(schema)) return undefined
  if (!isTame(auth)) return undefined
  const resumes = typeof session === 'string' && session.length <= TOKEN && isProgress(got)
  return {
    v,
    parser,
    plugins,
    limit,
    window,
    auth,
    ...(schema !== undefined && { schema }),
    ...(resumes && { session, got, ...(move === true && { move }) })
  }
}
