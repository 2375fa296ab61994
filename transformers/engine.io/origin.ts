import type { ServerResponse } from 'node:http'
import type { Host, LinkRequest } from '../../lib/server/listener.ts'

/**
 * Whether a page of another site asks without saying which: by an image, a script, a form. Browsers send no origin with
 * those, but tell where they come from.
 */
export const isHidden = ({ headers }: LinkRequest): boolean => {
  const from = headers['sec-fetch-site']
  return headers.origin === undefined && (from === 'cross-site' || from === 'same-site')
}

/**
 * Whether a request for a session is of the page that opened it. The page's own server hears no origin with its first
 * request, but with those that carry messages.
 * @param first - the origin of the request that opened the session
 */
export const isSamePage = (host: Host, link: LinkRequest, first: string | undefined): boolean => {
  const { origin } = link.headers
  return origin === first || (first === undefined && host.allows(link))
}

/** Lets a page of an allowed origin, and no other, read the answer. */
export const allowReading = (host: Host, link: LinkRequest, response: ServerResponse): void => {
  const { origin } = link.headers
  response.setHeader('Vary', 'Origin')
  if (origin === undefined || !host.allows(link)) return
  response.setHeader('Access-Control-Allow-Origin', origin)
  response.setHeader('Access-Control-Allow-Credentials', 'true')
}

/** Answers what a browser asks before a request that is not simple. */
export const answerPreflight = (link: LinkRequest, response: ServerResponse): void => {
  const wanted = link.headers['access-control-request-headers']
  if (response.hasHeader('Access-Control-Allow-Origin')) {
    response.setHeader('Access-Control-Allow-Methods', 'GET, POST')
    if (typeof wanted === 'string') response.setHeader('Access-Control-Allow-Headers', wanted)
    response.setHeader('Access-Control-Max-Age', '600')
  }
  response.writeHead(204).end()
}
