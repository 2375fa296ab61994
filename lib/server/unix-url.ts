import { AnywireError } from '../errors.ts'
import { ERR_OPTION } from '../failures.ts'
import { DEFAULT_PATH } from '../url.ts'

/** Where a `ws+unix:` URL leads. */
export interface UnixTarget {
  /** The file of the socket. */
  readonly socketPath: string
  /** What is asked for there. */
  readonly target: URL
}

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    // A file may have a percent sign in its name that says nothing.
    return text
  }
}

/**
 * Of `ws+unix:/run/app.sock:/path?query`: the path of the request stands behind a colon. Undefined for other URLs.
 * @throws ERR_OPTION for `wss+unix:` and `https+unix:`: nothing is said in plain text that was to be encrypted
 */
export const unixTarget = ({ protocol, pathname, search }: URL): UnixTarget | undefined => {
  if (!protocol.endsWith('+unix:')) return undefined
  if (/^(https|wss)/.test(protocol)) throw new AnywireError(ERR_OPTION, `the scheme ${protocol}`)
  const [, socket = '', path = ''] = /^([^:]*):?(.*)$/.exec(pathname) ?? []
  return { socketPath: decode(socket), target: new URL((path || DEFAULT_PATH) + search, 'ws://localhost') }
}
