import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import { createConnection } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import { connect, createServer } from '../../../index.ts'
import { ws } from '../../../transformers/ws/index.ts'
import { next } from '../../contract/waiting.ts'
import { guard, undoing } from '../../support/faults-guard.ts'
import { turns } from '../../support/faults-wait.ts'

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

  it('is at its path with a slash behind it and without, however that is written', async () => {
    for (const path of ['/x/y', '/x/y/']) {
      const { web, url } = await listen()
      const server = begin(web, path)
      assert.equal(server.path, '/x/y')
      for (const asked of ['/x/y', '/x/y/']) {
        const met = next(server, 'connection')
        dial(`${url}${asked}`)
        await met
      }
    }
    const { web } = await listen()
    assert.equal(begin(web, '/').path, '/')
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

  it('answers upgrades to what is no WebSocket as it did before', async () => {
    const web = createHttpServer((request, response) => {
      let body = ''
      request.setEncoding('utf8').on('data', (text: string) => (body += text))
      request.on('end', () => void response.end(`[${request.method} ${request.url} ${request.headers['x-a']} ${body}]`))
    })
    web.listen(0, '127.0.0.1')
    await once(web, 'listening')
    use(() => web.close())
    begin(web).host.onRequest((request, response) => {
      ;(response as ServerResponse).end(`[ours ${request.method} ${request.url}]`)
      return true
    })
    /** Asks over one connection, in pieces of `;`, each as soon as what was asked before is answered. */
    const ask = async (...requests: readonly string[]): Promise<string[]> => {
      const socket = createConnection((web.address() as AddressInfo).port, '127.0.0.1')
      use(() => socket.destroy())
      const answers = socket.setEncoding('utf8')[Symbol.asyncIterator]() as AsyncIterator<string>
      const heard: string[] = []
      for (const request of requests) {
        for (const piece of request.split(';')) socket.write(Buffer.from(piece, 'latin1'))
        let text = ''
        while (!text.endsWith(']')) text += (await answers.next()).value
        heard.push(text.replace(/ [^]*\r\n/, ' '))
      }
      return heard
    }
    const head = (line: string, more = ''): string =>
      `${line} HTTP/1.1\r\nHost: a\r\nX-A: \xe9\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n${more}\r\n`
    assert.deepEqual(
      await ask(
        head('POST /page', 'Content-Length: 5\r\n') + 'h;ello',
        head('GET /anywire/x'),
        'GET /last HTTP/1.1\r\nHost: a\r\n\r\n'
      ),
      ['HTTP/1.1 [POST /page é hello]', 'HTTP/1.1 [ours GET /anywire/x]', 'HTTP/1.1 [GET /last undefined ]']
    )
  })

  it('that cuts a connection on which an upgrade is next does not end the process', async () => {
    const web = createHttpServer(request => request.socket.destroy(new Error('mine')))
    web.listen(0, '127.0.0.1')
    await once(web, 'listening')
    use(() => web.close())
    begin(web)
    const cut = async (path: string): Promise<void> => {
      const socket = createConnection((web.address() as AddressInfo).port, '127.0.0.1')
      socket.write(
        `GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
      )
      await once(socket, 'close')
      await turns()
    }
    await cut('/anywire')
    await cut('/nobody')
  })

  it('is as it was before once all are closed, in whatever order', async () => {
    const { web, url } = await listen()
    const stays = begin(web, '/stays')
    const end = { timeout: 0, reconnect: false } as const
    const own = Object.getOwnPropertyDescriptor(web, 'emit')?.value as unknown
    let before = stays
    for (let round = 0; round < 5; round++) {
      const server = begin(web, `/${round}`)
      await before.close(end)
      before = server
    }
    assert.equal(Object.getOwnPropertyDescriptor(web, 'emit')?.value, own)
    const met = next(before, 'connection')
    dial(`${url}/4`)
    await met
    await before.close(end)
    assert.equal(Object.getOwnPropertyDescriptor(web, 'emit'), undefined)
    assert.equal(web.listenerCount('upgrade'), 0)
  })

  it('gives no place to a socket that has closed before its upgrade is told', async () => {
    const web = createHttpServer()
    const server = createServer(web, { limits: { connections: 1 }, trustProxy: 1 })
    use(() => server.close({ timeout: 0, reconnect: false }))
    web.listen(0, '127.0.0.1')
    await once(web, 'listening')
    use(() => web.close())
    const { emit } = web
    const late = new Promise<unknown[]>(resolve => {
      web.emit = ((event: string, ...args: unknown[]) => {
        if (event !== 'upgrade') return Reflect.apply(emit, web, [event, ...args]) as boolean
        resolve(args)
        return true
      }) as typeof emit
    })
    const port = (web.address() as AddressInfo).port
    const socket = createConnection(port, '127.0.0.1')
    socket.write(
      'GET /anywire HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'X-Forwarded-For: 192.0.2.1\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n'
    )
    const args = await late
    const taken = args[1] as Socket
    socket.destroy()
    taken.resume()
    taken.destroy()
    await once(taken, 'close')
    web.emit = emit
    web.emit('upgrade', ...args)
    const met = next(server, 'connection')
    const headers = { 'X-Forwarded-For': '192.0.2.1' }
    const client = connect(`http://127.0.0.1:${port}`, { reconnect: false, transformers: [ws({ headers })] })
    use(() => client.destroy())
    await Promise.race([met, next(client, 'close').then(([end]) => assert.fail(end.reason))])
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
