import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import type { Socket } from 'node:net'
import { createServer } from '../../../lib/server/server.ts'
import { pass } from '../ends.ts'
import { opened } from '../stage.ts'
import type { StageTest } from '../stage.ts'
import { turns } from '../waiting.ts'

/** Registers the tests of an http.Server that has other users. */
export const httpTests = (test: StageTest): void => {
  test('serves its other users beside and after', async stage => {
    const { http } = stage.fixture
    if (!http) return
    const seen: string[] = []
    http.removeAllListeners('request')
    http.on('request', (request, response) => {
      seen.push(request.url ?? '')
      response.end('app')
    })
    http.on('upgrade', (request, socket) => {
      if (!request.url?.startsWith('/anywire?') && request.url !== '/anywire') {
        seen.push(`upgrade ${request.url}`)
        socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: own\r\n\r\n')
      }
    })
    const { client, peer } = await stage.pair()
    for (const path of ['/', '/anywireFOO', '/any', '/other/anywire']) assert.equal(await ask(stage.url, path), 'app')
    for (const path of ['/', '/anywireFOO']) await upgrade(stage.url, path)
    assert.deepEqual(seen, ['/', '/anywireFOO', '/any', '/other/anywire', 'upgrade /', 'upgrade /anywireFOO'])
    await pass(client, peer, ['beside'])
    await stage.server.close()
    assert.equal(Object.hasOwn(http, 'emit'), false)
    assert.equal(await ask(stage.url, '/anywire'), 'app')
    assert.equal(http.listening, true)
  })

  test('is as it was when a server cannot be made', async stage => {
    const { http } = stage.fixture
    if (!http) return
    const before = stateOf(http)
    const plugins = [1, 2].map(() => ({ name: 'twice', version: 1 }))
    const options = { transformers: [stage.fixture.server], parsers: [stage.parser], path: '/second', plugins }
    assert.throws(() => createServer(http, options), { code: 'ERR_PLUGIN_NAME' })
    await turns()
    assert.deepEqual(stateOf(http), before)
    await stage.pair()
  })

  test('serves several servers, each at its path, and is as it was when they are closed', async stage => {
    const { http } = stage.fixture
    if (!http) return
    http.removeAllListeners('request')
    http.on('request', (_request, response) => response.end('app'))
    const before = stateOf(http)
    for (const path of ['/second', '/anywire/below']) {
      const second = createServer(http, { transformers: [stage.fixture.server], parsers: [stage.parser], path })
      const here = await stage.pair()
      const there = stage.connect({}, stage.url + path)
      await opened(there)
      const peer = second.peers.get(there.id)
      assert.ok(peer)
      await pass(there, peer, ['there'])
      await pass(here.client, here.peer, ['here'])
      assert.equal(await ask(stage.url, '/'), 'app')
      await second.close()
      assert.deepEqual(stateOf(http), before)
      assert.equal(await ask(stage.url, path), 'app')
      await pass(here.client, here.peer, ['still here'])
    }
    const last = createServer(http, { transformers: [stage.fixture.server], parsers: [stage.parser], path: '/last' })
    await stage.server.close()
    // What was there first may go first.
    await opened(stage.connect({}, `${stage.url}/last`))
    await last.close()
    for (const path of ['/', '/anywire', '/last']) assert.equal(await ask(stage.url, path), 'app')
  })
}

/** Everything that anywire could leave behind on an http.Server. */
const stateOf = (http: HttpServer): unknown[] => [
  Object.getOwnPropertyDescriptor(http, 'emit'),
  ...http.eventNames().map(name => [name, ...http.listeners(name)])
]

const ask = async (url: string, path: string): Promise<string> =>
  (await fetch(new URL(path, url), { headers: { connection: 'close' } })).text()

const upgrade = async (url: string, path: string): Promise<void> => {
  const asked = request(new URL(path, url), { headers: { connection: 'Upgrade', upgrade: 'own' } }).end()
  const [, socket] = (await once(asked, 'upgrade')) as [unknown, Socket]
  socket.destroy()
}
