import type { ServerTransformer } from '../../lib/server/listener.ts'
import type { ClientTransformer } from '../../lib/transformer.ts'
import { generateCertificate } from './certificate.ts'
import type { Certificate, CertificateOptions, HashedCertificate } from './certificate.ts'
import type { CertificateHash } from './client.ts'
import { dialSession } from './dialer.ts'
import { WebTransportListener } from './listener.ts'
import type { WebTransportServerOptions } from './listener.ts'
import { sessionUrl } from './open-session.ts'
import type { SessionTarget } from './open-session.ts'
import { checkPackage } from './package.ts'
import type { WebTransportSession } from './session.ts'
import type { SessionListener, SessionRequest, SessionSource } from './source.ts'
import { SUPPORTS } from './wire.ts'

export interface WebTransportOptions extends WebTransportServerOptions, SessionTarget {
  /** Of the client half. For development: certificates that no authority signed. */
  readonly serverCertificateHashes?: readonly CertificateHash[] | undefined
  /** What else the package takes for a client: `forceReliable`, flow control windows … */
  readonly client?: Readonly<Record<string, unknown>> | undefined
}

export interface WebTransport extends ServerTransformer, ClientTransformer {
  /** The port that the server listens on, once it does. Never settles on a client. */
  readonly listening: Promise<number>
  /** Asks for the certificate now: sessions that open from now on are under the new one. */
  renew(): Promise<void>
}

/** WebTransport in Node: both halves. */
export const webtransport = (options: WebTransportOptions = {}): WebTransport => {
  let server: WebTransportListener | undefined
  let resolve: (port: number) => void
  const listening = new Promise<number>(settle => {
    resolve = settle
  })
  return {
    name: 'webtransport',
    supports: SUPPORTS,
    listening,
    renew: async () => server?.renew(),
    dial(url, receiver, signal) {
      checkPackage()
      const { serverCertificateHashes, client } = options
      const own = { ...client, ...(serverCertificateHashes && { serverCertificateHashes }) }
      void dialSession(sessionUrl(url, options), own, receiver, signal)
    },
    listen(host, accept) {
      server = new WebTransportListener(host, accept, options, port => resolve(port))
      return server
    }
  }
}

export { generateCertificate }
export type {
  Certificate,
  CertificateHash,
  CertificateOptions,
  HashedCertificate,
  SessionListener,
  SessionRequest,
  SessionSource,
  SessionTarget,
  WebTransportServerOptions,
  WebTransportSession
}
export type * from '../../lib/server/types.ts'
