import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import fc from 'fast-check'
import { WebSocketServer } from 'ws'
import { connect } from '../../lib/client.ts'
import type { Client } from '../../lib/client.ts'
import type { Data, Wire } from '../../lib/transformer.ts'
import { json } from '../../parsers/json.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { memory } from '../../transformers/memory/index.ts'
import { ws } from '../../transformers/ws/index.ts'
import { Clock } from '../support/faults-clock.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { logOf } from '../support/faults-pair.ts'
import { runs } from '../support/faults-seed.ts'
import { maskedFrame } from '../support/faults-socket.ts'
import { turns, until } from '../support/faults-wait.ts'
import { writeWelcome as welcome } from '../support/faults-welcome.ts'

/** A server that answers each hello with these messages. */
const fake = (answer: (hello: string, wire: Wire) => readonly Data[]) => {
  const network = memory()
  const heard: Data[] = []
  network.serve(() => {
    let wire: Wire | undefined
    return {
      open: opened => (wire = opened),
      message: data => {
        heard.push(data)
        if (data.slice(0, 2) !== '!0' || !wire) return
        for (const message of answer(`${data}`, wire)) wire.send(message)
      },
      drain() {},
      close() {}
    }
  })
  return { network, heard }
}

describe('hostile servers', () => {
  const use = undoing()
  guard()

  const dial = (network: ReturnType<typeof memory>, plugins = [reconnect({ min: 0 })]): Client => {
    const client = connect('http://memory', { transformers: [network], parser: json(), plugins })
    use(() => client.destroy())
    return client
  }

  it('that are none are given up', async () => {
    const answers: Data[] = [
      '',
      'x',
      '!',
      '!1',
      '!1null',
      '!1[]',
      '!1{}',
      '!1{',
      'null',
      '{}',
      '!0{}',
      '!2',
      '!2[]',
      '!2[0,"",0]',
      '!2[1006,"",0]',
      '!3999',
      '!@1',
      Uint8Array.of(0xc1),
      new Uint8Array(0),
      ...[undefined, null, '', 0, false].map(id => welcome({ id })),
      ...[undefined, null, -1, 0.5, '1', [], {}, 1e300].flatMap(count => [
        welcome({ limit: count }),
        welcome({ window: count }),
        welcome({ heartbeat: count })
      ]),
      ...[undefined, null, 0, [0, -1], ['0', '0'], [0.5, 0], {}].map(got => welcome({ got })),
      ...[undefined, null, 0, 'x', {}].map(lanes => welcome({ lanes }))
    ]
    for (const answer of answers) {
      const { network, heard } = fake(() => [answer])
      const client = dial(network)
      const log = logOf(client)
      await until(() => client.state === 'closed', `an end after ${answer.slice(0, 200)}`)
      assert.deepEqual(log.story, ['close'])
      assert.ok((log.closes[0]?.code ?? 0) >= 3500, `${log.closes[0]?.code}`)
      assert.equal(heard.filter(data => data.slice(0, 2) === '!0').length, 1)
    }
  })

  it('that welcome in an odd way are put up with, or given up', async () => {
    const odd: Record<string, unknown>[] = [
      ...[1, {}, [], true].map(id => ({ id })),
      ...[undefined, null, 1, {}, 'x'.repeat(100_000)].map(token => ({ token })),
      ...[1, 'yes', {}, true].map(recovered => ({ recovered })),
      ...[[], [0], [1, 2, 3]].flatMap(got => [{ got }, { got, recovered: true }]),
      ...[[], [0], [1, 2, 3]].flatMap(got => [{ got }, { got, recovered: true }]),
      ...[[], [0], [1, 2, 3]].flatMap(got => [{ got }, { got, recovered: true }]),
      { recovered: true, got: [5, 5] },
      { recovered: true, got: [2 ** 53 - 1, 0] },
      { got: [7, 7] },
      { lanes: Array.from({ length: 5_000 }, (_, index) => `lane ${index}`) },
      { lanes: [null, 1, {}, ['x'], '__proto__', 'constructor'] },
      { lanes: ['same', 'same'] },
      { limit: 0 },
      { window: 0 },
      { limit: 2 ** 53 - 1, window: 2 ** 53 - 1 },
      { heartbeat: 1 },
      { more: 'than expected' }
    ]
    for (const more of odd) {
      const { network } = fake(() => [welcome(more), '"value"'])
      const client = dial(network, [])
      const log = logOf(client)
      await until(() => log.values.length === 1 || client.state === 'closed', JSON.stringify(more).slice(0, 100))
      if (client.state === 'open' && more['limit'] !== 0) client.write('x', { reliable: false })
      await turns()
      client.destroy()
      assert.equal(log.closes.length, 1)
    }
  })

  it('may be overtaken by datagrams before their welcome, which are dropped', async () => {
    for (const early of ['!À"early"', Uint8Array.of(0xc1, 0xc0, 0x22, 0x22)]) {
      const { network } = fake(() => [early, welcome(), '"value"'])
      const client = dial(network, [])
      const log = logOf(client)
      await until(() => log.values.length === 1)
      assert.deepEqual([log.values, log.story], [['value'], ['open']])
    }
  })

  it('cannot have a client wake up all the time, or at once', async () => {
    const clock = new Clock(use)
    const slow = fake(() => [welcome({ heartbeat: 2 ** 53 - 1 })])
    const client = dial(slow.network)
    await until(() => client.state === 'open')
    await clock.pass(2_000, 50)
    assert.deepEqual(slow.heard.slice(1), [])
    for (const first of ['!2[3000,"",9007199254740991]', '!2[3000,"",4294967296]', '!2[3000,"",2147483648]']) {
      for (const opened of [true, false]) {
        const { network, heard } = fake(() => (opened ? [welcome(), first] : [first]))
        const other = dial(network)
        logOf(other)
        await until(() => heard.length > 0)
        await turns()
        await clock.pass(60_000, 1_000)
        assert.equal(heard.filter(data => data.slice(0, 2) === '!0').length, 1, first)
        other.destroy()
      }
    }
  })

  it('that say what cannot be end the connection, and no more', async () => {
    const frames: Data[] = [
      '!',
      '!!',
      '!0{}',
      welcome(),
      '!3',
      '!31',
      '!3-1',
      '!31e9',
      '!4x',
      '!51',
      '!6',
      '!9',
      '!?',
      '!A1',
      '!~1',
      '!Á1',
      '!2',
      '!2[]',
      '!2[0,"",0]',
      '!2[1005,"",0]',
      '!2[70000,"",0]',
      '!2[1000,"",-1]',
      '',
      '{',
      '!@',
      '!@{',
      '!À{',
      '{"__proto__":1}',
      '['.repeat(100_000),
      Uint8Array.of(0xc1),
      Uint8Array.of(0xc1, 0x33, 0x31)
    ]
    for (const frame of frames) {
      const { network } = fake(() => [welcome(), frame, '"late"'])
      const client = dial(network)
      const log = logOf(client)
      await until(() => client.state === 'closed', `an end after ${frame.slice(0, 40)}`)
      await turns()
      assert.deepEqual([log.values, log.closes.length, log.errors.length], [[], 1, 1], `${frame.slice(0, 40)}`)
      assert.ok(['ERR_PROTOCOL', 'ERR_VALUE'].includes(log.errors[0]?.code ?? ''))
    }
  })

  it('whose traffic is mutated end the connection at most', async () => {
    const script: readonly string[] = [
      welcome(),
      '"value"',
      '!40',
      '!À"loose"',
      '!@"!forced"',
      '!31',
      '!51',
      '{"a":1}',
      '!2[3000,"",1]'
    ]
    const mutation = fc.record({
      at: fc.nat(20),
      kind: fc.nat(4),
      where: fc.nat(200),
      what: fc.oneof(
        fc.string({ minLength: 1, maxLength: 4 }),
        fc.constantFrom('!', '-', '9', '1e9', '"', '{', '\u0000', 'null', 'À', '@', 'A')
      )
    })
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async all => {
        const said = [...script]
        for (const { at, kind, where, what } of all) {
          const index = at % Math.max(1, said.length)
          const message = said[index] ?? ''
          const place = where % (message.length + 1)
          if (kind === 0) said.splice(index, 1)
          else if (kind === 1) said.splice(index, 0, message)
          else if (kind === 2) said[index] = message.slice(0, place)
          else if (kind === 3) said[index] = message.slice(0, place) + what + message.slice(place)
          else said[index] = message.slice(0, place) + what + message.slice(place + what.length)
        }
        let dials = 0
        const { network } = fake((_hello, wire) => {
          if (dials++ > 3) wire.abort()
          return said
        })
        const client = dial(network)
        const log = logOf(client)
        client.write('written')
        await turns(12)
        client.destroy()
        await until(() => client.state === 'closed')
        assert.ok(log.closes.length > 0)
      }),
      runs(40)
    )
  })

  it('that are mutated as bytes of a WebSocket end the connection at most', async () => {
    const frames = [welcome(), '"value"', '!40', '!31', '!2[3000,"",1]'].map(message =>
      maskedFrame(message, { masked: false })
    )
    let stream = Buffer.alloc(0)
    const sockets = new Set<Socket>()
    const server = createTcpServer(socket => {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('data', data => {
        const key = /Sec-WebSocket-Key: (.+)\r\n/i.exec(data.toString('latin1'))?.[1]
        if (key) socket.write(Buffer.concat([Buffer.from(upgrade(key)), stream]))
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    use(() => new Promise(resolve => server.close(resolve)))
    use(() => sockets.forEach(socket => socket.destroy()))
    const { port } = server.address() as AddressInfo
    const damage = fc.array(fc.record({ at: fc.nat(400), byte: fc.nat(255), kind: fc.nat(2) }), {
      minLength: 1,
      maxLength: 3
    })
    await fc.assert(
      fc.asyncProperty(damage, async all => {
        stream = Buffer.concat(frames)
        for (const { at, byte, kind } of all) {
          const place = at % stream.length
          const [head, tail] = [stream.subarray(0, place), stream.subarray(place)]
          stream = Buffer.concat(
            kind === 0
              ? [head, Buffer.of(byte), tail]
              : kind === 1
                ? [head, Buffer.of(byte), tail.subarray(1)]
                : [head, tail.subarray(1)]
          )
        }
        // A frame that says it is longer than it is has the client wait for the rest.
        const client = connect(`http://127.0.0.1:${port}`, { transformers: [ws()], parser: json(), timeout: 200 })
        const log = logOf(client)
        await until(() => client.state === 'closed' || client.state === 'open')
        client.write('written')
        await turns(5)
        client.destroy()
        assert.equal(log.closes.length, 1)
      }),
      runs(15)
    )
  })

  it('that speak WebSocket, but nothing else that is expected, are given up', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    use(
      () =>
        new Promise<void>(resolve => {
          for (const client of server.clients) client.terminate()
          server.close(() => resolve())
        })
    )
    await new Promise(resolve => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    for (const act of ['echo', 'close', 'close with an odd code', 'terminate', 'huge'] as const) {
      server.removeAllListeners('connection')
      server.on('connection', socket => {
        socket.on('error', () => {})
        if (act === 'close') socket.close()
        if (act === 'close with an odd code') socket.close(1011, 'x')
        if (act === 'terminate') socket.terminate()
        if (act === 'echo') socket.on('message', data => socket.send(data))
        if (act === 'huge') socket.send(Buffer.alloc(1_000_000))
      })
      const client = connect(`http://127.0.0.1:${port}`, { transformers: [ws()], parser: json() })
      const log = logOf(client)
      await until(() => client.state === 'closed', act)
      assert.deepEqual(log.story, ['close'], act)
    }
  })
})

const upgrade = (key: string): string => {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
}
