import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import { pass } from '../ends.ts'
import type { StageTest } from '../stage.ts'

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
    const listeners = (): unknown[] =>
      ['request', 'upgrade', 'connection', 'close', 'error'].map(name => http.listeners(name))
    const { client, peer } = await stage.pair()
    for (const path of ['/', '/anywireFOO', '/any', '/other/anywire']) assert.equal(await ask(stage.url, path), 'app')
    for (const path of ['/', '/anywireFOO']) await upgrade(stage.url, path)
    assert.deepEqual(seen, ['/', '/anywireFOO', '/any', '/other/anywire', 'upgrade /', 'upgrade /anywireFOO'])
    await pass(client, peer, ['beside'])
    const before = listeners()
    await stage.server.close()
    assert.deepEqual(listeners().flat().length < before.flat().length, true)
    assert.equal(Object.hasOwn(http, 'emit'), false)
    assert.equal(await ask(stage.url, '/anywire'), 'app')
    assert.equal(http.listening, true)
  })
}

const ask = async (url: string, path: string): Promise<string> =>
  (await fetch(new URL(path, url), { headers: { connection: 'close' } })).text()

const upgrade = async (url: string, path: string): Promise<void> => {
  const asked = request(new URL(path, url), { headers: { connection: 'Upgrade', upgrade: 'own' } }).end()
  const [, socket] = (await once(asked, 'upgrade')) as [unknown, Socket]
  socket.destroy()
}
