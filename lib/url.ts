import { AnywireError } from './errors.ts'
import { ERR_OPTION } from './failures.ts'
import { MARKER, PROTOCOL } from './handshake.ts'

/** Where a server is, unless it says otherwise. */
export const DEFAULT_PATH = '/anywire'

/**
 * The URL of an attempt: the application's, made absolute in a browser, with the default path where it has none, the query
 * of the options, and the mark that tells an anywire client from a plain one.
 * @throws ERR_OPTION for what is no URL
 */
export const attemptUrl = (base: string | URL, query: Readonly<Record<string, string>> = {}): URL => {
  const page = (globalThis.location as Location | undefined)?.href
  if (!URL.canParse(base, page)) throw new AnywireError(ERR_OPTION, `'${base}' is no URL`)
  const url = new URL(base, page)
  if (url.pathname.length < 2) url.pathname = DEFAULT_PATH
  for (const [name, value] of Object.entries({ ...query, [MARKER]: `${PROTOCOL}` })) url.searchParams.set(name, value)
  return url
}
