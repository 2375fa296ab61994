import type { Receiver } from '../../lib/transformer.ts'
import { encode, makeDecoder, OPEN } from './frame.ts'
import type { WebTransportSession } from './session.ts'
import { makeLink } from './wire.ts'

/** Where the server's sessions are. */
export interface SessionTarget {
  /** Its port, where that is not the one of the connection's URL. */
  readonly port?: number | undefined
  /** Its origin, where that is not the one of the connection's URL. The path and query are the connection's. */
  readonly url?: string | undefined
}

/** The URL of a session. */
export const sessionUrl = (url: URL, { port, url: origin }: SessionTarget): string => {
  const target = new URL(url.pathname + url.search, origin ?? url)
  target.protocol = 'https'
  if (port) target.port = `${port}`
  return target.href
}

/** Opens a wire over a session that is connecting. */
export const openSession = (
  session: WebTransportSession,
  receiver: Receiver,
  signal: AbortSignal,
  { lost, start, wire, write } = makeLink(session, receiver, makeDecoder)
): void => {
  signal.addEventListener('abort', () => wire.abort())
  session.ready
    .then(() => session.createBidirectionalStream())
    .then(stream => {
      start(stream)
      write(encode(OPEN, ''))
    })
    .catch(lost)
}
