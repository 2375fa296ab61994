import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createConnection } from 'node:net'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { connect, createServer } from '../../../index.ts'
import { next } from '../../contract/waiting.ts'
import { guard, undoing } from '../../support/faults-guard.ts'

describe('an http.Server of several users', () => {
  guard()
  const use = undoing()

  const listen = async () => {
    const web = createHttpServer((_request, response) => void response.end('the app'))
    web.listen(0, '127.0.0.1')
    await once(web, 'listening')
    use(() => web.close())
    const { port } = web.address() as AddressInfo
    return { web, url: `http://127.0.0.1:${port}` }
  }
  const begin = (web: ReturnType<typeof createHttpServer>, path?: string) => {
    const server = createServer(web, path === undefined ? {} : { path })
    use(() => server.close({ timeout: 0, reconnect: false }))
    return server
  }
  const dial = (url: string) => {
    const client = connect(url, { reconnect: false })
    use(() => client.destroy())
    return client
  }

  it('has one server on each path, until it is closed', async () => {
    const { web, url } = await listen()
    const first = begin(web)
    for (const path of ['/anywire', '/anywire/']) {
      assert.throws(() => createServer(web, { path }), { code: 'ERR_OPTION', message: /another server has the path/ })
    }
    const other = begin(web, '/other')
    const met = [next(first, 'connection'), next(other, 'connection')]
    dial(url)
    dial(`${url}/other`)
    await Promise.all(met)
    await first.close({ timeout: 0, reconnect: false })
    const third = begin(web)
    const third0 = next(third, 'connection')
    dial(url)
    await third0
    assert.equal(await (await fetch(url)).text(), 'the app')
  })

  it('frees the path of a server that could not be made', async () => {
    const { web } = await listen()
    const failing = {
      name: 'failing',
      version: 1,
      server: () => {
        throw new Error('mine')
      }
    }
    assert.throws(() => createServer(web, { plugins: [failing] }), { message: 'mine' })
    begin(web)
  })

  it('answers an upgrade that none of several servers takes, once', async () => {
    const { web, url } = await listen()
    begin(web)
    const second = begin(web, '/other')
    const upgrade = async (path: string): Promise<string> => {
      const socket = createConnection(Number(new URL(url).port), '127.0.0.1')
      use(() => socket.destroy())
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
      let heard = ''
      for await (const chunk of socket) heard += String(chunk)
      return heard
    }
    assert.match(await upgrade('/nobody'), /^HTTP\/1.1 404 [^]*Not Found$/)
    assert.match(await upgrade('/other'), /^HTTP\/1.1 400 /)
    await second.close({ timeout: 0, reconnect: false })
    assert.match(await upgrade('/other'), /^HTTP\/1.1 404 /)
  })

  it('whose upgrade somebody else answers too does not end the process', async () => {
    const { web, url } = await listen()
    const greedy = new WebSocketServer({ server: web })
    use(() => greedy.close())
    const server = begin(web)
    const [error, info] = await Promise.all([next(server, 'error'), next(dial(url), 'close')]).then(([told]) => told)
    assert.deepEqual([error.code, info.stage], ['ERR_HANDLER', 'listen'])
  })

  it('whose requests a plugin throws at does not end the process', async () => {
    const { web, url } = await listen()
    const server = begin(web)
    server.host.onRequest(() => {
      throw new Error('mine')
    })
    const told = next(server, 'error')
    await assert.rejects(fetch(`${url}/anywire/x`))
    const [error] = await told
    assert.match(error.message, /'request': Error: mine/)
  })
})
