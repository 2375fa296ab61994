import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { guard, undoing } from '../support/faults-guard.ts'
import { hostHttp } from '../support/faults-http.ts'
import { hello } from '../support/faults-raw.ts'
import { maskedFrame, RawSocket, upgradeRequest } from '../support/faults-socket.ts'
import { turns, until } from '../support/faults-wait.ts'

describe('pings of WebSocket', () => {
  const use = undoing()
  guard()

  const open = async (read: boolean, ...say: readonly Buffer[]) => {
    const hosted = await hostHttp(use, { server: { limits: { window: 64 * 1_048_576, buffered: 64 * 1_048_576 } } })
    const sockets: Socket[] = []
    hosted.http.on('connection', (socket: Socket) => sockets.push(socket))
    const socket = new RawSocket(hosted.port, read)
    use(() => socket.destroy())
    socket.write(upgradeRequest(say.length ? undefined : '/anywire'), ...say)
    await until(() => hosted.told.peers.length === 1)
    const [far] = sockets
    assert.ok(far)
    return { ...hosted, socket, far }
  }

  it('are answered, each one, where the answers are read', async () => {
    const { socket } = await open(true)
    for (const text of ['a', 'b', 'c']) {
      socket.write(maskedFrame(text, { opcode: 9 }))
      await until(() => socket.text.endsWith(`\u008a\u0001${text}`))
    }
  })

  it('take no memory where the answers are not read, and the last one is answered in the end', async () => {
    const { socket, far, told } = await open(false)
    const flood = Buffer.concat(Array.from({ length: 2_000 }, () => maskedFrame('x'.repeat(125), { opcode: 9 })))
    for (let round = 0; round < 50; round++) {
      await new Promise<void>(resolve => socket.socket.write(flood, () => resolve()))
      await turns(1)
    }
    socket.write(maskedFrame('last', { opcode: 9 }), maskedFrame('1'))
    await until(() => told.logs[0]?.values.length === 1)
    assert.ok(far.writableLength < 300_000, `${far.writableLength} bytes wait`)
    let text = ''
    socket.socket.on('data', data => (text = (text + data.toString('latin1')).slice(-100)))
    await until(() => text.endsWith('\u008a\u0004last'))
  })

  it('of the protocol, without end and without a reader, end the connection', async () => {
    const window = 64 * 1_048_576
    const { socket, far, told } = await open(false, maskedFrame(hello({ window })))
    // What the systems of both ends take up is filled first.
    for (let full = 0; full < 5; full = far.writableLength > 65_536 ? full + 1 : 0) {
      told.peers[0]?.write('x'.repeat(500_000))
      await turns(1)
    }
    const flood = Buffer.concat(Array.from({ length: 1_000 }, () => maskedFrame('!40')))
    for (let round = 0; round < 20 && told.logs[0]?.closes.length === 0; round++) {
      await new Promise<void>(resolve => socket.socket.write(flood, () => resolve()))
      await turns(1)
    }
    await until(() => told.logs[0]?.closes.length === 1)
    assert.deepEqual(
      told.errors.map(({ error }) => error.code),
      ['ERR_SLOW']
    )
  })
})
