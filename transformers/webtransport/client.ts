import type { ClientTransformer } from '../../lib/transformer.ts'
import { openSession, sessionUrl } from './open-session.ts'
import type { SessionTarget } from './open-session.ts'
import type { WebTransportSession } from './session.ts'
import { SUPPORTS } from './wire.ts'

/** Bytes that no other thread has: `Uint8Array<ArrayBuffer>`, which TypeScript before 5.7 does not know. */
export type OwnBytes = ReturnType<typeof Uint8Array.of>

/** The hash of a certificate that is trusted, whoever signed it: ECDSA, and valid for no more than 14 days. */
export interface CertificateHash {
  readonly algorithm: 'sha-256'
  readonly value: OwnBytes
}

export interface BrowserWebTransportOptions extends SessionTarget {
  /** For development: certificates that no authority signed. */
  readonly serverCertificateHashes?: CertificateHash[] | undefined
  /** The class of the standard. Default: the global one. */
  readonly WebTransport?:
    | (new (url: string, options: { readonly serverCertificateHashes?: CertificateHash[] }) => WebTransportSession)
    | undefined
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

export type { SessionTarget } from './open-session.ts'
export type { WebTransportDatagrams, WebTransportSession, WebTransportStream } from './session.ts'
export type * from '../../lib/types.ts'
