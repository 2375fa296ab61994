import { AnywireError } from './errors.ts'
import { ERR_OPTION } from './failures.ts'
import { MARKER, PROTOCOL } from './handshake.ts'

/** Where a server is, unless it says otherwise. */
export const DEFAULT_PATH = '/anywire'

/**
 * The URL of an attempt: the application's, made absolute in a browser, with the default path where it has none, the query
 * of the options, and the mark that tells an anywire client from a plain one.
 * @throws ERR_OPTION for what is no URL, or not one of http, https, ws, wss or ws+unix
 */
export const attemptUrl = (base: string | URL, query?: Readonly<Record<string, string>>): URL => {
  let url: URL | undefined
  try {
    url = new URL(base, (globalThis.location as Location | undefined)?.href)
  } catch {
    // `URL.canParse` of Node 20 and 22 takes letters of other languages for no URL, once it is optimized.
  }
  // `localhost:8080` is a URL too, of a scheme of its own.
  if (!url || !/^(http|ws)/.test(url.href)) throw new AnywireError(ERR_OPTION, `the URL ${base}`)
  // What a page's own URL may have, and a WebSocket's must not.
  url.hash = ''
  if (url.pathname.length < 2) url.pathname = DEFAULT_PATH
  for (const [name, value] of Object.entries({ ...query, [MARKER]: `${PROTOCOL}` })) url.searchParams.set(name, value)
  return url
}
