import { randomBytes } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { Certificate } from './certificate.ts'
import { Http2Sockets } from './http2-guard.ts'
import { makePackageServer } from './package-server.ts'
import type { PackageServer } from './package-server.ts'
import { hasHttp3, loadPackage } from './package.ts'
import type { SessionSource } from './source.ts'

export interface HttpSourceOptions {
  readonly port: number
  readonly host: string
  /** Asked when the server starts, and for each renewal. */
  readonly certificate: () => Certificate | Promise<Certificate>
  /** Milliseconds that a socket may be open without a session. */
  readonly patience: number
}

/** Sessions over HTTP/2, and over HTTP/3 where its package is installed, on the same port number. */
export const httpSource = ({ port, host, certificate, patience }: HttpSourceOptions): SessionSource => ({
  async listen(arrived) {
    const { Http2Server, Http3Server } = await loadPackage()
    const sockets = new Http2Sockets(patience)
    const taken = sockets.add.bind(sockets)
    const { cert, key } = await certificate()
    // The package would wait for ever with one that is none.
    createSecureContext({ cert, key })
    const init = { host, cert, privKey: key, secret: randomBytes(32).toString('hex') }
    const tcp = makePackageServer(Http2Server, { ...init, port }, arrived, taken)
    tcp.startServer()
    sockets.watch(tcp)
    await tcp.ready
    const servers: PackageServer[] = [tcp]
    const listening = tcp.address()?.port ?? port
    if (await hasHttp3()) {
      const udp = makePackageServer(Http3Server, { ...init, port: listening }, arrived, taken)
      servers.push(udp)
      udp.startServer()
      await udp.ready.catch((error: unknown) => {
        tcp.stopServer()
        throw error
      })
    }
    return {
      port: listening,
      async renew() {
        const { cert, key } = await certificate()
        createSecureContext({ cert, key })
        // The package has no way to do so for HTTP/3.
        tcp.updateCert(cert, key, true)
      },
      close() {
        for (const server of servers) server.stopServer()
        sockets.close()
      }
    }
  }
})
