import type { ClientTransformer, Receiver } from '../../lib/transformer.ts'
import { encode, makeDecoder, OPEN } from './frame.ts'
import type { WebTransportSession } from './session.ts'
import { makeLink, SUPPORTS } from './wire.ts'

/** The hash of a certificate that is trusted, whoever signed it: ECDSA, and valid for no more than 14 days. */
export interface CertificateHash {
  readonly algorithm: 'sha-256'
  readonly value: Uint8Array<ArrayBuffer>
}

/** Where the server's sessions are. */
export interface SessionTarget {
  /** Its port, where that is not the one of the connection's URL. */
  readonly port?: number | undefined
  /** Its origin, where that is not the one of the connection's URL. The path and query are the connection's. */
  readonly url?: string | undefined
}

export interface BrowserWebTransportOptions extends SessionTarget {
  /** For development: certificates that no authority signed. */
  readonly serverCertificateHashes?: CertificateHash[] | undefined
  /** The class of the standard. Default: the global one. */
  readonly WebTransport?:
    | (new (url: string, options: { readonly serverCertificateHashes?: CertificateHash[] }) => WebTransportSession)
    | undefined
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

/** WebTransport, over the standard's class. */
export const webtransport = (options: BrowserWebTransportOptions = {}): ClientTransformer => ({
  name: 'webtransport',
  supports: SUPPORTS,
  dial(url, receiver, signal) {
    const { serverCertificateHashes, WebTransport: Session = WebTransport } = options
    const own = serverCertificateHashes ? { serverCertificateHashes } : {}
    openSession(new Session(sessionUrl(url, options), own), receiver, signal)
  }
})
