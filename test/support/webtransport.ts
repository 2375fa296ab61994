import { generateCertificate, webtransport } from '../../transformers/webtransport/index.ts'
import type { WebTransportOptions } from '../../transformers/webtransport/index.ts'
import type { TransformerFixture } from '../contract/fixture.ts'
import { loadPackage } from '../../transformers/webtransport/package.ts'
import { CuttingProxy } from './faults-proxy.ts'

// It is loaded before the first test, and not while some test looks at what is printed.
await loadPackage()

/** One for all tests: making keys takes its time. */
export const certificate = generateCertificate()

export const serverCertificateHashes = [{ algorithm: 'sha-256', value: certificate.hash }] as const

/** Both halves over HTTP/2, with a proxy in between that can cut. */
export const overHttp2 = (options: WebTransportOptions = {}): TransformerFixture => {
  const server = webtransport({ port: 0, host: '127.0.0.1', ...certificate, ...options })
  const proxy = new CuttingProxy(0)
  return {
    server,
    client: webtransport({ serverCertificateHashes, client: { forceReliable: true } }),
    start: async () => {
      proxy.port = await server.listening
      return proxy.listen()
    },
    // Node's HTTP/2 does not notice a reset while it writes; only heartbeats do.
    cut: () => proxy.cut(false),
    stop: () => proxy.close()
  }
}

/** Both halves over HTTP/3, where its package is installed. */
export const overHttp3 = (): TransformerFixture => {
  const server = webtransport({ port: 0, host: '127.0.0.1', ...certificate })
  return {
    server,
    client: webtransport({ serverCertificateHashes, client: { requireUnreliable: true } }),
    start: async () => `https://127.0.0.1:${await server.listening}`
  }
}
