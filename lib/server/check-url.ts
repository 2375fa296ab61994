import { check } from '../option-rules.ts'
import { AnywireError } from '../errors.ts'
import { ERR_OPTION } from '../failures.ts'
import { attemptUrl } from '../url.ts'
import { unixTarget } from './unix-url.ts'

/** What is wrong with a text that is no URL of a server. */
const fault = (text: string): string => {
  if (!text) return 'the URL is empty'
  const url = `the URL '${text}'`
  const host = text.startsWith('//') ? '' : '//localhost'
  if (text.startsWith('/')) return `${url} is relative, which only a page knows: write http:${host}${text}`
  const [, scheme = ''] = /^([a-z][a-z\d+.-]*:)(?:\/|(?!\d))/i.exec(text) ?? []
  if (!scheme) return `${url} has no scheme: write http://${text}`
  if (/^(https|wss)\+unix:/i.test(scheme))
    return `${url} has the scheme ${scheme}, but unix sockets are spoken to in plain text: write ws+unix:`
  if (/^(http|ws)/i.test(scheme)) return `${url} is none`
  return `${url} has the scheme ${scheme}, which is not http:, https:, ws:, wss: or ws+unix:`
}

/**
 * Says what is wrong with a URL, not only that it is.
 * @throws ERR_OPTION
 */
export const checkUrl = (url: unknown): void => {
  if (typeof url === 'function') return
  check('the URL', url, ['a text, a URL or a function', value => typeof value === 'string' || value instanceof URL])
  const text = String(url)
  try {
    unixTarget(attemptUrl(text))
  } catch (cause) {
    throw new AnywireError(ERR_OPTION, fault(text), cause)
  }
}
