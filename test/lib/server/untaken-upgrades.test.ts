import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import { createConnection } from 'node:net'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { createServer } from '../../../index.ts'
import { guard, undoing } from '../../support/faults-guard.ts'
import { turns, until } from '../../support/faults-wait.ts'

describe('an http.Server that answers upgrades to what is no WebSocket in their order, where others were asked before', () => {
  guard()
  const use = undoing()

  const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
  const upgrade = (path: string): string => get(path, 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n')
  /** An application that answers when it is told to, and a connection to it on which all is asked for at once. */
  const ask = async (...requests: readonly string[]) => {
    const asked: ServerResponse[] = []
    const web = createHttpServer((_request, response) => void asked.push(response))
    web.listen(0, '127.0.0.1')
    await once(web, 'listening')
    use(() => web.close())
    const server = createServer(web)
    use(() => server.close({ timeout: 0, reconnect: false }))
    const socket = createConnection((web.address() as AddressInfo).port, '127.0.0.1')
    use(() => socket.destroy())
    socket.write(requests.join(''))
    /** Answers the first `count`, the last of them first. */
    const answer = async (count: number): Promise<void> => {
      await until(() => asked.length === count)
      for (const response of asked.splice(0).reverse()) response.end(`[${response.req.url}]`)
    }
    return { web, server, socket, asked, answer }
  }

  it('however many there are', async () => {
    const last = get('/5', 'Connection: close\r\n')
    const { socket, answer } = await ask(get('/1'), get('/2'), upgrade('/3'), upgrade('/4'), last)
    const heard = text(socket)
    await answer(2)
    await answer(1)
    await answer(2)
    assert.deepEqual((await heard).match(/\[[^\]]*\]/g), ['[/1]', '[/2]', '[/3]', '[/4]', '[/5]'])
  })

  it('also an answer that is longer than the client reads at once', async () => {
    const { socket, asked, answer } = await ask(get('/long'), upgrade('/2'))
    await until(() => asked.length === 1)
    const heard = text(socket)
    const [long] = asked.splice(0)
    assert.ok(long)
    const piece = 'x'.repeat(1 << 20)
    for (let count = 0; count < 20; count++) if (!long.write(piece)) await once(long, 'drain')
    // It waits for `drain` by itself where there is one to come.
    Readable.from([piece, piece]).pipe(long)
    await answer(1)
    socket.end()
    const all = await heard
    assert.ok(all.length > 22 * piece.length)
    assert.match(all.slice(-20), /\[\/2\]$/)
  })

  it('and lets go of a connection that breaks meanwhile', async () => {
    const { socket, asked, answer } = await ask(get('/1'), upgrade('/2'))
    await until(() => asked.length === 1)
    const [{ socket: far } = {}] = asked
    socket.resetAndDestroy()
    await until(() => !!far?.destroyed)
    await answer(1)
    await turns()
    assert.deepEqual(asked, [])
  })

  it('also where nobody hears that it breaks, as more has come in than is read meanwhile', async () => {
    const { socket, asked, answer } = await ask(get('/1'), upgrade('/2'), 'x'.repeat(1 << 20))
    await until(() => asked.length === 1)
    const [{ socket: far } = {}] = asked
    assert.ok(far)
    await until(() => far.readableLength > far.readableHighWaterMark)
    socket.resetAndDestroy()
    await once(socket, 'close')
    await answer(1)
    await until(() => far.destroyed)
    await turns()
    assert.deepEqual(asked, [])
  })

  it('and lets go of a client that has said all meanwhile, without finding fault with it', async () => {
    const { web, socket, asked, answer } = await ask(get('/1'), upgrade('/2'))
    const faults: unknown[] = []
    web.on('clientError', (error, failed) => {
      faults.push(error)
      failed.destroy()
    })
    await until(() => asked.length === 1)
    const [{ socket: far } = {}] = asked
    assert.ok(far)
    socket.end()
    // Node has no answers for who says no more, as it cannot know whether anybody is still there.
    await until(() => far.destroyed)
    await answer(1)
    await turns()
    assert.deepEqual([faults, asked], [[], []])
  })

  it('and closes such connections too where it closes all', async () => {
    const { web, server, socket, asked, answer } = await ask(get('/1'), upgrade('/2'))
    const other = createConnection((web.address() as AddressInfo).port, '127.0.0.1')
    use(() => other.destroy())
    other.write(get('/other') + upgrade('/behind'))
    await until(() => asked.length === 2)
    const closed = [socket, other].map(each => once(each, 'close'))
    // Also where it is nobody's any more.
    await server.close({ timeout: 0, reconnect: false })
    web.closeAllConnections()
    await new Promise(resolve => web.close(resolve))
    await Promise.all(closed)
    await answer(2)
    await turns()
    assert.deepEqual(asked, [])
    assert.equal(Object.hasOwn(web, 'closeAllConnections'), false)
  })
})
