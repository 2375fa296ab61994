import type { IncomingMessage } from 'node:http'
import { MARKER } from '../../lib/handshake.ts'
import type { LinkRequest } from '../../lib/server/listener.ts'

/** What engine.io is asked with. Without `j`: an answer as a script could be read by any page. */
export interface EngineQuery extends Record<string, string> {
  EIO: string
  transport: string
}

/** A request of an engine.io client. */
export interface EngineAsk {
  readonly request: IncomingMessage & { readonly _query: EngineQuery }
  readonly transport: string
  /** The session, once there is one. */
  readonly sid: string | undefined
  /** The request as the client wrote it, without engine.io's part. */
  readonly link: LinkRequest
}

const NAMES = ['EIO', 'transport', 'sid', 'b64', 'j']

const nameOf = (part: string): string => part.split('=', 1)[0] ?? ''

/**
 * Where engine.io's part of a query begins. Our clients append theirs, so that what stands before is the application's,
 * whatever its names are. Others put them anywhere.
 */
const startOf = (parts: readonly string[]): number => {
  const last = parts.findLastIndex(part => nameOf(part) === 'EIO')
  return parts.slice(0, last).some(part => nameOf(part) === MARKER) ? last : 0
}

/** Reads a request of protocol 4 of engine.io; undefined: it is none. */
export const readRequest = (request: IncomingMessage): EngineAsk | undefined => {
  const { url: whole = '', headers, method, socket } = request
  const start = whole.indexOf('?')
  if (start < 0 || !whole.includes('EIO=4', start)) return undefined
  const parts = whole.slice(start + 1).split('&')
  const from = startOf(parts)
  const isEngine = (part: string, index: number): boolean => index >= from && NAMES.includes(nameOf(part))
  const own = new URLSearchParams(parts.filter(isEngine).join('&'))
  const [version, transport, sid, base64] = ['EIO', 'transport', 'sid', 'b64'].map(name => own.get(name) ?? undefined)
  if (version !== '4' || transport === undefined) return undefined
  const rest = parts.filter((part, index) => !isEngine(part, index)).join('&')
  const url = whole.slice(0, start) + (rest && `?${rest}`)
  // engine.io takes the query from here, where somebody has parsed it before.
  const query = { EIO: version, transport, ...(sid && { sid }), ...(base64 && { b64: base64 }) }
  return {
    request: Object.assign(request, { _query: query }),
    transport,
    sid: sid || undefined,
    link: { url, headers, address: socket.remoteAddress ?? '', request: { method, url, headers } }
  }
}
