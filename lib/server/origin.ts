import { AnywireError } from '../errors.ts'
import { ERR_OPTION } from '../failures.ts'
import { parseUrl } from './parse-url.ts'
import type { LinkRequest } from './listener.ts'

/**
 * Which pages may connect: '*' all, or those whose origin (`https://example.com`) is in the list, matches an expression,
 * or is accepted by the function. Default: pages of the server's own host and port; of any port of the host for transformers
 * that listen on one of their own.
 */
export type Origins = string | readonly (string | RegExp)[] | ((origin: string, request: LinkRequest) => boolean)

/** What pages are never of, though URLs are; digits behind the colon are the port of a host. */
const PAGELESS = /^(?:about|blob|data|ftp|javascript):(?!\d)/i

/** How to write what no browser sends as an origin; undefined where one may. */
const hintFor = (text: string): string | undefined => {
  if (text === 'null') return undefined
  if (text.includes('*')) return 'a star stands for nothing: take a regular expression'
  // A page has the scheme that it is loaded with, not that of its sockets.
  const url = text.trim().replace(/^ws(?=s?:\/\/)/i, 'http')
  if (PAGELESS.test(url)) return 'no page has an origin with this scheme'
  if (!/^[a-z][a-z\d+.-]*:\/\//i.test(url))
    return `begin with the scheme: 'https://${url.replace(/^\/+/, '') || 'example.com'}'`
  const parsed = parseUrl(url)
  if (!parsed) return 'it is no URL'
  // Not its `origin`: other schemes than those of the web have none, as far as URLs know.
  const { protocol, host } = parsed
  const written = `${protocol}//${host}`
  return written === text ? undefined : `write '${written}'`
}

/**
 * What browsers never send lets nobody in, and nobody would know why.
 * @throws ERR_OPTION, which says how to write it
 */
export const checkOrigins = (origins: unknown): void => {
  if (origins === '*') return
  for (const origin of [origins].flat()) {
    if (typeof origin !== 'string') continue
    const hint = origin === '*' ? "for all pages say '*' alone" : hintFor(origin)
    if (hint !== undefined) throw new AnywireError(ERR_OPTION, `'origins' has '${origin}': ${hint}`)
  }
}

/**
 * Whether a request's origin is allowed. Requests without one do not come from a page of another site: browsers always
 * send it with upgrades, and everything else could send whatever it likes.
 * @param host - the host that the request was for, as the client wrote it
 * @throws ERR_OPTION where the function is asynchronous, and what it throws
 */
export const isAllowedOrigin = (request: LinkRequest, host: string, origins: Origins | undefined): boolean => {
  const { origin } = request.headers
  if (origin === undefined || origins === '*') return true
  if (typeof origins === 'function') {
    const allowed: unknown = origins(origin, request)
    // As JavaScript may return one. What it rejects with would end the process.
    if (allowed instanceof Promise) {
      allowed.catch(() => {})
      throw new AnywireError(ERR_OPTION, `'origins' must not be asynchronous`)
    }
    return allowed === true
  }
  if (typeof origins === 'string') return origins === origin
  // `search` has no memory, whatever the flags of an expression are.
  if (origins)
    return origins.some(allowed => (typeof allowed === 'string' ? allowed === origin : origin.search(allowed) >= 0))
  const page = parseUrl(origin)
  return !!page && isOwn(page, host.toLowerCase(), request.ownPort)
}

/** Proxies may write the port of a scheme too, which browsers leave out. */
const PORTS: Readonly<Record<string, string>> = { 'http:': ':80', 'https:': ':443' }

const isOwn = (page: URL, host: string, anyPort = false): boolean => {
  if (page.host === '') return false
  if (anyPort) return page.hostname === host.replace(/:\d*$/, '')
  return page.host === host || page.host + (PORTS[page.protocol] ?? '') === host
}
