import assert from 'node:assert/strict'
import type { Client } from '../../lib/client.ts'
import type { Interceptor } from '../../lib/pipeline.ts'
import type { Peer } from '../../lib/server/peer.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { host, logOf } from '../support/faults-pair.ts'
import type { PairOptions } from '../support/faults-pair.ts'
import { turns, until } from '../support/faults-wait.ts'

describe('a connection', () => {
  const use = undoing()
  guard()

  const open = async (options: PairOptions = {}) => {
    const hosted = host(use, options)
    const client = hosted.dial({ plugins: [] })
    const near = logOf(client, options.read)
    await until(() => client.state === 'open' && hosted.told.peers.length === 1)
    const [peer] = hosted.told.peers
    const [far] = hosted.told.logs
    assert.ok(peer && far)
    return { ...hosted, client, near, peer, far }
  }

  /** Takes a while, the first values longer than the next ones. */
  const slow =
    (by = 6): Interceptor =>
    async (value, next) => {
      await turns(Math.max(1, by - Number(value)))
      next(value)
    }

  it('ends one whose interceptors hold too much, and drops for them what may be lost', async () => {
    const limits = { message: 1_000, window: 4_000, buffered: 8_000 }
    const { peer, far, server } = await open({ server: { limits } })
    peer.outgoing.use(() => new Promise<void>(() => {}))
    for (let count = 0; count < 1_000; count++) peer.write('x'.repeat(500), { reliable: false })
    assert.equal(peer.state, 'open')
    let sent = 0
    while (server.peers.broadcast('x'.repeat(500)) && sent < 100) sent++
    assert.ok(sent > 6 && sent < 20, `${sent} values`)
    assert.deepEqual([far.errors[0]?.code, far.closes[0]?.code], ['ERR_SLOW', 3003])
  })

  it('keeps no more than the window for one that is away, whoever works on it', async () => {
    const limits = { message: 1_000, window: 4_000, buffered: 1_000_000 }
    const { peer, far, network } = await open({ server: { limits } })
    peer.outgoing.use(() => new Promise<void>(() => {}))
    network.cut()
    await until(() => peer.state === 'away')
    let sent = 0
    while (sent < 100 && peer.state !== 'closed') {
      peer.write('x'.repeat(500))
      sent++
    }
    assert.ok(sent > 6 && sent < 12, `${sent} values`)
    assert.equal(far.closes[0]?.code, 3003)
  })

  for (const [from, to] of [
    ['client', 'peer'],
    ['peer', 'client']
  ] as const) {
    describe(`from ${from} to ${to}`, () => {
      const pick = async (options: PairOptions = {}) => {
        const pair = await open(options)
        const [writer, reader]: (Client | Peer)[] = [pair[from], pair[to]]
        assert.ok(writer && reader)
        return {
          ...pair,
          writer,
          reader,
          sent: from === 'client' ? pair.near : pair.far,
          got: to === 'client' ? pair.near : pair.far
        }
      }

      it('keeps the order behind slow interceptors, and loses none before the end', async () => {
        const { writer, reader, got, sent } = await pick()
        writer.outgoing.use(slow())
        reader.incoming.use(slow())
        for (let value = 0; value < 6; value++) writer.write(value)
        writer.end(4001, 'done')
        assert.equal(writer.write('too late'), false)
        await until(() => got.closes.length === 1 && sent.closes.length === 1)
        assert.deepEqual(got.values, [0, 1, 2, 3, 4, 5])
        assert.deepEqual([got.closes[0]?.code, sent.closes[0]?.code], [4001, 4001])
        assert.deepEqual(
          sent.errors.map(({ code }) => code),
          ['ERR_CLOSED']
        )
        assert.deepEqual(sent.lost, [])
      })

      it('tells close behind the values that an interceptor works on', async () => {
        const { writer, reader, got } = await pick()
        const order: unknown[] = []
        reader.on('data', value => order.push(value))
        reader.on('close', () => order.push('close'))
        reader.incoming.use(slow(3))
        for (let value = 0; value < 4; value++) writer.write(value)
        await turns(3)
        writer.destroy(4002)
        await until(() => got.closes.length === 1)
        assert.equal(order.at(-1), 'close')
        assert.deepEqual(order.slice(0, -1), [0, 1, 2, 3].slice(0, order.length - 1))
      })

      it('tells close also where somebody paused while an interceptor worked', async () => {
        const { writer, reader, got } = await pick()
        reader.incoming.use(slow(4))
        for (let value = 0; value < 4; value++) writer.write(value)
        await turns(2)
        reader.pause()
        writer.destroy(4002)
        await until(() => got.closes.length === 1)
        reader.resume()
        await turns(12)
        assert.deepEqual(got.values, [0, 1, 2, 3].slice(0, got.values.length))
      })

      it('tells close also where whoever listened has gone while an interceptor worked', async () => {
        const { writer, reader, got } = await pick({ read: false })
        reader.incoming.use(slow(4))
        const read: unknown[] = []
        reader.once('data', value => read.push(value))
        for (let value = 0; value < 3; value++) writer.write(value)
        writer.end(4001)
        await until(() => got.closes.length === 1)
        reader.on('data', value => read.push(value))
        await until(() => read.length === 3)
        assert.deepEqual(read, [0, 1, 2])
      })

      it('keeps a value that an interceptor worked on until somebody reads again', async () => {
        const { writer, reader } = await pick({ read: false })
        const release: (() => void)[] = []
        reader.incoming.use(async (value, next) => {
          await new Promise<void>(resolve => release.push(resolve))
          next(value)
        })
        const read: unknown[] = []
        const listen = () => reader.on('data', value => read.push(value))
        const undo = listen()
        for (let value = 0; value < 3; value++) writer.write(value)
        await until(() => release.length === 1)
        undo()
        release[0]?.()
        await turns()
        listen()
        await until(() => release.length === 2)
        reader.pause()
        release[1]?.()
        await turns()
        assert.deepEqual(read, [0])
        reader.resume()
        await until(() => release.length === 3)
        release[2]?.()
        await until(() => read.length === 3)
        assert.deepEqual(read, [0, 1, 2])
      })

      it('says full while interceptors work, and drains', async () => {
        const { writer, got } = await pick()
        writer.outgoing.use(slow())
        let drains = 0
        writer.on('drain', () => drains++)
        assert.equal(writer.write(0), false)
        await until(() => drains > 0)
        await until(() => got.values.length === 1)
      })

      it('throws what cannot be written at whoever writes it, or reports it when they are gone', async () => {
        const { writer, sent, got } = await pick()
        assert.throws(() => writer.write(10n), { code: 'ERR_ENCODE' })
        assert.throws(() => writer.write('x'.repeat(2_000_000)), { code: 'ERR_TOO_LARGE' })
        const undo = writer.outgoing.use((value, next) => next(value))
        assert.throws(() => writer.write(10n), { code: 'ERR_ENCODE' })
        undo()
        assert.deepEqual(sent.errors, [])
        writer.outgoing.use(async (value, next) => {
          await turns(1)
          next(value === 'bad' ? 10n : value)
        })
        for (const value of [1, 'bad', 2]) writer.write(value)
        await until(() => got.values.length === 2)
        assert.deepEqual(
          sent.errors.map(({ code }) => code),
          ['ERR_ENCODE']
        )
        writer.outgoing.use((value, next) => void setImmediate(() => next(value === 3 ? 10n : value)))
        writer.write(3)
        writer.write(4)
        await until(() => got.values.length === 3)
        assert.deepEqual(got.values, [1, 2, 4])
        assert.deepEqual(
          sent.errors.map(({ code }) => code),
          ['ERR_ENCODE', 'ERR_ENCODE']
        )
      })

      it('delivers what an interceptor writes and ends', async () => {
        const { writer, got } = await pick()
        writer.outgoing.use((value, next) => {
          next(value)
          if (value !== 1) return
          writer.write(2)
          writer.end()
        })
        writer.write(1)
        await until(() => got.closes.length === 1)
        assert.deepEqual(got.values, [1, 2])
      })

      it('keeps values until somebody reads, also after the end', async () => {
        const { writer, reader } = await pick({ read: false })
        for (let value = 0; value < 10; value++) writer.write(value)
        await turns()
        const some: unknown[] = []
        for await (const value of reader) {
          some.push(value)
          if (value === 3) break
        }
        writer.end()
        await until(() => reader.state === 'closed' && writer.state === 'closed')
        for await (const value of reader) some.push(value)
        assert.deepEqual(some, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        for await (const value of reader) assert.fail(`${String(value)} after the end`)
      })

      it('delivers to all who listen, from the first value on', async () => {
        const { writer, reader } = await pick({ read: false })
        for (let value = 0; value < 3; value++) writer.write(value)
        await turns()
        const [one, two]: unknown[][] = [[], []]
        reader.on('data', value => one?.push(value))
        reader.on('data', value => two?.push(value))
        await until(() => two?.length === 3)
        assert.deepEqual(
          [one, two],
          [
            [0, 1, 2],
            [0, 1, 2]
          ]
        )
      })

      it('stops and goes on with pause, resume, and listeners that come and go', async () => {
        const { writer, reader } = await pick({ read: false })
        const got: unknown[] = []
        const undo = reader.on('data', value => {
          got.push(value)
          if (value === 2) undo()
          if (value === 5) reader.pause()
        })
        for (let value = 0; value < 9; value++) writer.write(value)
        await turns()
        assert.deepEqual([...got], [0, 1, 2])
        reader.on('data', value => {
          got.push(value)
          if (value === 5) reader.pause()
        })
        await turns()
        assert.deepEqual(got, [0, 1, 2, 3, 4, 5])
        reader.resume()
        await turns()
        assert.deepEqual(got, [0, 1, 2, 3, 4, 5, 6, 7, 8])
      })

      it('refuses codes that are none of the application’s', async () => {
        const { writer } = await pick()
        for (const code of [
          0,
          999,
          1001,
          3000,
          3999,
          5000,
          4000.5,
          NaN,
          Infinity,
          -4000,
          '4000' as unknown as number
        ]) {
          assert.throws(() => writer.end(code), { code: 'ERR_OPTION' }, `${code}`)
          assert.throws(() => writer.destroy(code), { code: 'ERR_OPTION' }, `${code}`)
        }
        assert.equal(writer.state, 'open')
      })

      it('takes reasons of any length', async () => {
        for (const reason of ['x'.repeat(5_000), '€'.repeat(200), '\ud800'.repeat(80), '"\\\u0000']) {
          const { writer, got } = await pick()
          writer.end(4000, reason)
          await until(() => got.closes.length === 1)
          assert.equal(got.closes[0]?.reason, reason)
        }
      })

      it('ends once', async () => {
        const { writer, got, sent } = await pick()
        writer.end(4001)
        writer.end(4002)
        writer.destroy(4003)
        writer.destroy()
        writer.end()
        await until(() => got.closes.length === 1)
        await turns()
        assert.deepEqual([got.closes.length, sent.closes.length], [1, 1])
        assert.equal(writer.state, 'closed')
      })
    })
  }

  it('ends at both ends at a time', async () => {
    const { client, peer, near, far } = await open()
    client.write('up')
    peer.write('down')
    client.end(4001)
    peer.end(4002)
    await until(() => near.closes.length === 1 && far.closes.length === 1)
    assert.deepEqual([near.values, far.values], [['down'], ['up']])
    assert.deepEqual([near.errors, far.errors], [[], []])
  })
})
