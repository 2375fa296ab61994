import type { AnywireError } from '../../lib/errors.ts'
import type { ErrorCode } from '../../lib/errors.ts'
import type { HttpRequest } from '../../lib/server/http.ts'
import type { Host, LinkRequest } from '../../lib/server/listener.ts'

/** What this plugin needs of `http.IncomingMessage`. */
export interface Incoming extends HttpRequest {
  readonly socket: { readonly remoteAddress?: string | undefined }
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown
  on(event: 'end' | 'close', listener: () => void): unknown
}

/** What it needs of `http.ServerResponse`. */
export interface Outgoing {
  readonly headersSent: boolean
  setHeader(name: string, value: string): unknown
  writeHead(status: number): unknown
  end(body?: string): unknown
  on(event: 'close', listener: () => void): unknown
}

/** How HTTP says why a whole request failed. */
const STATUSES: Partial<Record<ErrorCode, number>> = {
  ERR_UNAUTHORIZED: 401,
  ERR_EXPIRED: 401,
  ERR_ORIGIN: 403,
  ERR_HANDSHAKE_TIMEOUT: 408,
  ERR_TOO_LARGE: 413,
  ERR_LIMIT: 413,
  ERR_BUSY: 503,
  ERR_SHUTDOWN: 503,
  ERR_SERVER: 500,
  ERR_VALUE: 400,
  ERR_ARGUMENTS: 400
}

/** A refusal of the application's own is none of the caller's authentication. */
const REFUSED = 403

export const linkOf = ({ url = '', headers, method, socket }: Incoming): LinkRequest => ({
  url,
  headers,
  address: socket.remoteAddress ?? '',
  request: { method, url, headers }
})

/** Lets pages of an allowed origin, and no others, read the answer. */
export const allowReading = (host: Host, link: LinkRequest, response: Outgoing): boolean => {
  const { origin } = link.headers
  response.setHeader('Vary', 'Origin')
  response.setHeader('Cache-Control', 'no-store')
  response.setHeader('X-Content-Type-Options', 'nosniff')
  const allowed = host.allows(link)
  if (origin === undefined || !allowed) return allowed
  response.setHeader('Access-Control-Allow-Origin', origin)
  response.setHeader('Access-Control-Allow-Credentials', 'true')
  return true
}

/** Answers what a browser asks before its request. */
export const answerPreflight = (link: LinkRequest, response: Outgoing, allowed: boolean): void => {
  const wanted = link.headers['access-control-request-headers']
  if (allowed) {
    response.setHeader('Access-Control-Allow-Methods', 'POST')
    if (typeof wanted === 'string') response.setHeader('Access-Control-Allow-Headers', wanted)
    response.setHeader('Access-Control-Max-Age', '600')
  }
  response.writeHead(204)
  response.end()
}

export const answer = (response: Outgoing, status: number, body: string): void => {
  if (response.headersSent) return
  response.setHeader('Content-Type', 'application/json')
  response.writeHead(status)
  response.end(body)
}

/** Answers a request that failed as a whole, and reads no more of it. */
export const deny = (response: Outgoing, { code, message }: AnywireError, status?: number): void => {
  if (response.headersSent) return
  const fits = status ?? STATUSES[code] ?? REFUSED
  response.setHeader('Connection', 'close')
  if (fits === 401) response.setHeader('WWW-Authenticate', 'Bearer')
  answer(response, fits, JSON.stringify({ error: { code, message } }))
}

/** The body of a request. Undefined: it is too large, or its sender has gone. */
export const readBody = (request: Incoming, limit: number): Promise<Uint8Array | undefined> =>
  new Promise(resolve => {
    if (Number(request.headers['content-length'] ?? 0) > limit) return resolve(undefined)
    const chunks: Uint8Array[] = []
    let size = 0
    request.on('data', chunk => {
      size += chunk.length
      if (size <= limit) chunks.push(chunk)
      else resolve(undefined)
    })
    request.on('close', () => resolve(undefined))
    request.on('end', () => {
      const body = new Uint8Array(size)
      let at = 0
      for (const chunk of chunks) {
        body.set(chunk, at)
        at += chunk.length
      }
      resolve(body)
    })
  })
