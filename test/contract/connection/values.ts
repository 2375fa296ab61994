import assert from 'node:assert/strict'
import { eitherEnd, numbers, pass, throwsCode } from '../ends.ts'
import type { StageTest } from '../stage.ts'
import { next, take, turns, until } from '../waiting.ts'

const MEGABYTE = 2 ** 20

/** Registers the tests of the values that connections carry. */
export const valueTests = (test: StageTest): void => {
  const both = eitherEnd(test)

  both('arrive in order, and come back', async (from, to) => {
    to.on('data', value => void to.write(value))
    const values = numbers(1_000)
    const echoed = take(from, values.length)
    for (const value of values) from.write(value)
    assert.deepEqual(await echoed, values)
  })

  both('of all kinds arrive as they were', async (from, to, stage) => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    await pass(from, to, [
      ...[null, true, 0, -1.5, 1e300, [], {}, [[1], { a: { b: ['c'] } }], { '': '' }].map(value => stage.fit(value)),
      '',
      ' ',
      '\u2028\u2029\u0000',
      'é 漢字 \u{1f469}\u200d\u{1f680}',
      new Uint8Array(0),
      bytes,
      bytes.subarray(7, 20)
    ])
  })

  both('cannot be taken for control', (from, to, stage) => {
    const marks = [
      '!',
      '!0',
      '!1{}',
      '!2[1000,"",0]',
      '!39',
      '!4',
      '!A{}',
      '!Àx',
      '\u00c1',
      'ping',
      'pong',
      '1',
      '2probe'
    ]
    const bytes = [[0xc1], [0xc1, 0x32], [0xc1, 0x41, 0x80], [0x21, 0x32], [0xff]].map(data => Uint8Array.from(data))
    return pass(from, to, [...marks.flatMap(mark => [mark, stage.fit([mark])]), ...bytes])
  })

  both('of a megabyte arrive', (from, to, stage) =>
    pass(from, to, [stage.textOf(MEGABYTE), new Uint8Array(MEGABYTE - 100).fill(7), 'small'])
  )

  both('that are too large are refused where they are written', async (from, to, stage) => {
    const text = stage.textOf(MEGABYTE)
    throwsCode(() => from.write(`${text}x`), 'ERR_TOO_LARGE')
    throwsCode(() => from.write('é'.repeat(MEGABYTE / 2 + 1)), 'ERR_TOO_LARGE')
    await pass(from, to, ['the connection is as it was'])
  })

  test(
    'are as large as the other end allows, whatever this end does',
    async stage => {
      const { client, peer } = await stage.pair({ limits: { message: 2_000 } })
      throwsCode(() => client.write(stage.textOf(1_001)), 'ERR_TOO_LARGE')
      throwsCode(() => peer.write(stage.textOf(2_001)), 'ERR_TOO_LARGE')
      await pass(client, peer, [stage.textOf(1_000)])
      await pass(peer, client, [stage.textOf(2_000)])
    },
    { limits: { message: 1_000 } }
  )

  both('of many sizes arrive by the thousand', async (from, to) => {
    await pass(
      from,
      to,
      Array.from({ length: 1_500 }, (_, index) => `${index} `.padEnd((index * 7919) % 1_500, 'x'))
    )
  })

  both('wait while nobody reads, and hold the writer back', async (from, to) => {
    to.pause()
    const text = 'x'.repeat(50_000)
    let written = 0
    let room = true
    from.on('drain', () => {
      room = true
    })
    // A wire may be full now and then; a reader that does not read holds the writer back for good.
    for (let held = 0; held < 30; await turns(1)) {
      if (!room) held++
      else {
        held = 0
        room = from.write(`${written++} ${text}`)
        assert.ok(written < 1_000, 'the writer is never told that it is full')
      }
    }
    const received = take(to, written)
    to.resume()
    assert.deepEqual(
      (await received).map(value => parseInt(`${value}`)),
      Array.from({ length: written }, (_, index) => index)
    )
    if (!room) await next(from, 'drain')
    await pass(from, to, ['more'])
  })

  both('are acknowledged and not kept', async (from, to) => {
    await pass(
      from,
      to,
      Array.from({ length: 100 }, () => 'x'.repeat(5_000))
    )
    await until(() => from.bufferedBytes < 200_000, 'acknowledgements')
  })

  both('come by iteration', async (from, to) => {
    const values = numbers(300)
    for (const value of values) from.write(value)
    from.end()
    const received: unknown[] = []
    for await (const value of to) received.push(value)
    assert.deepEqual(received, values)
  })

  both('go through streams, at the pace of the reader', async (from, to) => {
    const values = Array.from({ length: 100 }, (_, index) => `${index} ${'x'.repeat(20_000)}`)
    const source = new ReadableStream<unknown>({
      start(controller) {
        for (const value of values) controller.enqueue(value)
        controller.close()
      }
    })
    const sent = source.pipeTo(from.writable)
    const received: unknown[] = []
    const reader = to.readable.getReader()
    for (let result = await reader.read(); !result.done; result = await reader.read()) received.push(result.value)
    await sent
    assert.deepEqual(received, values)
  })

  both('go into no stream of a connection that has ended', async from => {
    from.destroy()
    const writer = from.writable.getWriter()
    await assert.rejects(writer.write('late'))
    await assert.rejects(writer.close())
  })

  both('that may be lost disturb no others', async (from, to) => {
    const received: unknown[] = []
    to.on('data', value => received.push(value))
    for (let index = 0; index < 100; index++) {
      from.write(`certain ${index}`)
      from.write(`maybe ${index}`, { reliable: false })
    }
    from.write('last')
    while (received.at(-1) !== 'last' && !received.includes('last')) await turns(1)
    const certain = received.filter(value => `${value}`.startsWith('certain'))
    assert.deepEqual(
      certain,
      Array.from({ length: 100 }, (_, index) => `certain ${index}`)
    )
    const maybe = received.filter(value => `${value}`.startsWith('maybe'))
    assert.equal(new Set(maybe).size, maybe.length)
  })

  test(
    'that cannot be read end one connection, and no other',
    async stage => {
      const [bad, good] = [await stage.pair(), await stage.pair()]
      bad.client.write('poison')
      const [{ code, reconnect }] = await next(bad.client, 'close')
      assert.deepEqual([code, reconnect], [3508, false])
      await pass(good.client, good.peer, ['unharmed'])
      assert.equal(stage.server.peers.size, 1)
      stage.expected = ['ERR_VALUE']
    },
    parser => ({
      parsers: [
        {
          name: parser.name,
          encode: value => parser.encode(value),
          decode: data => {
            const value = parser.decode(data)
            if (value === 'poison') throw new Error('poison')
            return value
          }
        }
      ]
    })
  )

  test('are handled by handlers that may fail', async stage => {
    const { client, peer } = await stage.pair()
    peer.on('data', () => {
      throw new Error('mine')
    })
    peer.on('data', () => Promise.reject(new Error('mine')))
    await pass(client, peer, ['one'])
    await pass(client, peer, ['two'])
    stage.expected = Array.from({ length: 4 }, () => 'ERR_HANDLER' as const)
  })
}
