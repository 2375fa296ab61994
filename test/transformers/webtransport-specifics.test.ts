import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_SHUTDOWN } from '../../lib/failures.ts'
import { HttpHost } from '../../lib/server/http-host.ts'
import { json } from '../../parsers/json.ts'
import { generateCertificate, webtransport } from '../../transformers/webtransport/index.ts'
import type { WebTransportOptions } from '../../transformers/webtransport/index.ts'
import { pass } from '../contract/ends.ts'
import { opened, Stage } from '../contract/stage.ts'
import type { StageServerOptions } from '../contract/stage.ts'
import { next, turns } from '../contract/waiting.ts'
import { destroyRawSessions, RawSession } from '../support/raw-session.ts'
import { certificate, serverCertificateHashes } from '../support/webtransport.ts'

/** Both halves, without anything in between. */
const direct = (options: WebTransportOptions = {}) => {
  const server = webtransport({ port: 0, host: '127.0.0.1', ...certificate, ...options })
  return {
    server,
    client: webtransport({ serverCertificateHashes }),
    start: async () => `https://127.0.0.1:${await server.listening}`
  }
}

const fingerprint = (url: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const socket = connectTls({ host: hostname, port: Number(port), rejectUnauthorized: false, ALPNProtocols: ['h2'] })
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.destroy()
    })
  })

const fingerprintOf = ({ cert }: { readonly cert: string }): string => new X509Certificate(cert).fingerprint256

describe('webtransport: specifics', () => {
  let stage: Stage

  const start = async (options?: StageServerOptions, own?: WebTransportOptions) => {
    const fixture = direct(own)
    stage = await Stage.start(fixture, json(), options)
    return fixture
  }

  afterEach(async () => {
    destroyRawSessions()
    await stage?.close()
  })

  describe('certificates', () => {
    it('are asked for, and changed without a restart: open sessions go on', async () => {
      let current = generateCertificate()
      const asked: string[] = []
      const { server } = await start(undefined, {
        certificate: async () => {
          asked.push(fingerprintOf(current))
          return current
        }
      })
      const old = current
      const trusting = (hash: Uint8Array<ArrayBuffer>) =>
        webtransport({ serverCertificateHashes: [{ algorithm: 'sha-256', value: hash }] })
      const before = await stage.pair({ transformers: [trusting(old.hash)] })
      assert.equal(await fingerprint(stage.url), fingerprintOf(old))
      current = generateCertificate()
      await server.renew()
      assert.equal(await fingerprint(stage.url), fingerprintOf(current))
      const after = await stage.pair({ transformers: [trusting(current.hash)] })
      await pass(before.client, before.peer, ['the old one'])
      await pass(after.client, after.peer, ['the new one'])
      const late = stage.connect({ transformers: [trusting(old.hash)] })
      await next(late, 'close')
      assert.deepEqual(asked, [fingerprintOf(old), fingerprintOf(current)])
    })

    it('that are none leave the old one in use', async () => {
      let current: { cert: string; key: string } = generateCertificate()
      const old = current
      const { server } = await start(undefined, { certificate: () => current })
      current = { cert: 'none', key: 'none' }
      await assert.rejects(server.renew())
      assert.equal(await fingerprint(stage.url), fingerprintOf(old))
    })

    it('with another hash, and without one, are not trusted', async () => {
      await start()
      const { hash } = generateCertificate()
      for (const client of [
        webtransport({ serverCertificateHashes: [{ algorithm: 'sha-256', value: hash }] }),
        webtransport()
      ]) {
        const [{ code, reason }] = await next(stage.connect({ transformers: [client] }), 'close')
        assert.equal(code, 1006)
        assert.match(reason, /handshake failed/i)
      }
      await stage.pair()
    })
  })

  describe('listening', () => {
    const startBroken = async (own: WebTransportOptions): Promise<void> => {
      const { server } = direct(own)
      stage = await Stage.start({ server, client: server, start: () => 'https://127.0.0.1:1' }, json())
      while (stage.errors.length === 0) await turns(1)
      stage.expected = ['ERR_LISTEN']
    }

    it('needs a certificate', () => {
      const host = new HttpHost(undefined, '/anywire', 1)
      const refuse = () => new AnywireError(ERR_SHUTDOWN)
      assert.throws(() => webtransport({ port: 0 }).listen(host, refuse), { code: 'ERR_OPTION' })
    })

    it('tells that a port is taken', async () => {
      const other = createTcpServer()
      await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
      await startBroken({ port: (other.address() as AddressInfo).port })
      assert.match(stage.errors[0]?.message ?? '', /EADDRINUSE/)
      other.close()
    })

    it('tells that a certificate is none', () => startBroken({ cert: 'none', key: 'none' }))

    it('tells that there is no certificate to be had', async () => {
      await startBroken({ certificate: () => Promise.reject(new Error('the vault is closed')) })
      assert.match(stage.errors[0]?.message ?? '', /the vault is closed/)
    })
  })

  describe('requests', () => {
    const status = async (path: string, headers?: Record<string, string>): Promise<number> =>
      (await RawSession.open(stage.url + path, headers)).status

    it('are for the path of the server', async () => {
      await start()
      const paths = { '/anywire': 200, '/anywire/?a=b': 200, '/': 404, '/anywireFOO': 404, '/anywire/below': 404 }
      for (const [path, expected] of Object.entries(paths)) assert.equal(await status(path), expected, path)
    })

    it('of pages of other hosts are refused', async () => {
      await start()
      const own = stage.url
      for (const origin of ['https://evil.example', 'null', 'https://127.0.0.2:1', `${own}.evil.example`]) {
        assert.equal(await status('/anywire', { origin }), 403, origin)
      }
      assert.equal(await status('/anywire', { origin: own }), 200)
      // Pages come from another port of the host.
      assert.equal(await status('/anywire', { origin: 'https://127.0.0.1' }), 200)
      assert.equal(await status('/anywire', { origin: 'http://127.0.0.1:8080' }), 200)
      // What no browser says.
      assert.equal(await status('/anywire', { origin: 'nonsense' }), 200)
    })

    it('are counted by address', async () => {
      await start({ limits: { connections: 2 } })
      const pairs = [await stage.pair(), await stage.pair()]
      assert.equal(pairs[0]?.peer.address, '127.0.0.1')
      assert.equal(await status('/anywire'), 503)
      pairs[0]?.client.end()
      while (stage.server.peers.size > 1) await turns(1)
      await turns(20)
      await stage.pair()
    })

    it('are authenticated, and bring their query and headers', async () => {
      await start({
        authenticate: ({ query, auth, headers }) =>
          query['name'] === 'é &' && auth === 'secret' && headers.host === new URL(stage.url).host && { name: 'é &' }
      })
      const url = `${stage.url}/?name=${encodeURIComponent('é &')}`
      const { peer } = await stage.pair({ auth: 'secret' }, url)
      assert.deepEqual(peer.context, { name: 'é &' })
      const refused = stage.connect({ auth: 'wrong' }, url)
      assert.equal((await next(refused, 'close'))[0].code, 3502)
    })

    it('go to another port or origin where the client says so', async () => {
      const { server } = await start()
      const port = await server.listening
      for (const target of [{ port }, { url: stage.url }]) {
        const client = webtransport({ serverCertificateHashes, ...target })
        await opened(stage.connect({ transformers: [client] }, 'http://127.0.0.1:1'))
      }
    })
  })
})
