import assert from 'node:assert/strict'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_BUSY, ERR_SHUTDOWN } from '../../lib/failures.ts'
import { Frame } from '../../lib/server/frame.ts'
import type { Data, Supports } from '../../lib/transformer.ts'
import type { CheckedReceiver } from './checked-receiver.ts'
import type { TransformerFixture } from './fixture.ts'
import { LIMIT, Links } from './links.ts'
import type { LinkPair } from './links.ts'
import { turns } from './waiting.ts'

type Setup = () => TransformerFixture | Promise<TransformerFixture>

const MEGABYTE = 2 ** 20

const TEXTS = [
  'plain',
  ' ',
  '\u0000\u0001\u001f\u007f\u0080',
  'é ß ñ ø',
  '漢字 かな 한글',
  '\u{1f600}\u{1f469}\u200d\u{1f680}\u{10ffff}',
  '\ufefftext\ufeff',
  '\u2028\u2029',
  'e\u0301'
]

const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => `message ${index}`)

/** Registers the tests of wires and receivers, as lib/transformer.ts has their rules. */
export const wireTests = (setup: Setup): void => {
  let current: Links | undefined

  /** A test with links of its own, whose receivers are looked at when it is over. */
  const test = (title: string, run: (links: Links) => Promise<void>): void => {
    it(title, async function () {
      const links = await Links.start(await setup())
      current = links
      await run(links)
      current = undefined
      await links.close()
    })
  }

  /** The same test in both directions. */
  const bothWays = (
    title: string,
    run: (from: CheckedReceiver, to: CheckedReceiver, supports: Supports) => Promise<void>
  ): void => {
    test(`${title}, from the client`, async links => {
      const [near, far] = await links.pair()
      await run(near, far, links.fixture.client.supports)
    })
    test(`${title}, from the server`, async links => {
      const [near, far] = await links.pair()
      await run(far, near, links.fixture.server.supports)
    })
  }

  /** Sends everything, and waits until it is there. */
  const pass = async (from: CheckedReceiver, to: CheckedReceiver, messages: readonly Data[]): Promise<void> => {
    const before = to.messages.length
    for (const message of messages) from.wire.send(message)
    await to.received(before + messages.length)
    same(to.messages.slice(before), messages)
  }

  const told = async (receiver: CheckedReceiver, codes: readonly number[], reason = ''): Promise<void> => {
    const ended = await receiver.closed()
    assert.ok(codes.includes(ended.code), `closed with ${ended.code}, not with ${codes.join(' or ')}`)
    // What a technology tells of an end without a goodbye is its own.
    if (ended.code !== 1006) assert.equal(ended.reason, reason)
  }

  /** Both ends learn code and reason, where they can be carried. */
  const goodbye = async (
    [near, far]: LinkPair,
    { closeCodes }: Supports,
    code: number,
    reason: string
  ): Promise<void> => {
    for (const end of [near, far]) await told(end, closeCodes ? [code] : [code, 1005, 1006], closeCodes ? reason : '')
  }

  afterEach(async () => {
    // What a failed test left behind; that it failed is told already.
    const failed = current
    current = undefined
    await failed?.close().catch(() => {})
  })

  describe('opening', () => {
    test('opens both ends, once', async links => {
      const [near, far] = await links.pair()
      await turns()
      assert.equal(near.ended ?? far.ended, undefined)
      assert.equal(links.requests.length, 1)
    })

    test('opens before anything arrives, whoever speaks first and however early', async links => {
      const hello = { opened: (wire: { send(data: Data): boolean }) => void wire.send('hello') }
      const [near, far] = await links.pair(hello, hello)
      assert.deepEqual([...(await near.received(1)), ...(await far.received(1))], ['hello', 'hello'])
    })

    test('shows the request: path, query, headers, address', async links => {
      const url = links.url
      url.search = '?name=%C3%A9%26%20%3D&twice=1&twice=2&empty='
      links.accept = () => links.receiver()
      await links.dial({}, url).opened()
      const [request] = links.requests
      assert.ok(request)
      assert.equal(request.url, url.pathname + url.search)
      assert.equal(typeof request.headers, 'object')
      for (const name of Object.keys(request.headers)) assert.equal(name, name.toLowerCase())
      assert.equal(typeof request.address, 'string')
      if (!links.fixture.http) return
      assert.equal(request.headers.host, url.host)
      assert.match(request.address, /^(::ffff:)?127\.0\.0\.1$|^::1$/)
      assert.ok(request.request)
    })

    test('opens many links, each for itself', async links => {
      const pairs: LinkPair[] = []
      for (let index = 0; index < 12; index++) pairs.push(await links.pair())
      for (const [index, [near, far]] of pairs.entries()) {
        near.wire.send(`from ${index}`)
        far.wire.send(`to ${index}`)
      }
      for (const [index, [near, far]] of pairs.entries()) {
        assert.deepEqual([...(await near.received(1)), ...(await far.received(1))], [`to ${index}`, `from ${index}`])
      }
      const [first, ...others] = pairs
      first?.[0].wire.close(1000, '')
      await Promise.all((first ?? []).map(end => end.closed()))
      for (const [near, far] of others) {
        await pass(near, far, ['still'])
        await pass(far, near, ['here'])
      }
    })

    test('does not open what is not accepted, and tells nobody else', async links => {
      links.accept = () => new AnywireError(ERR_BUSY, 'come later')
      const near = links.dial()
      assert.equal((await near.closed()).code, 1006)
      await assert.rejects(near.opened())
      links.accept = () => new AnywireError(ERR_SHUTDOWN)
      await links.dial().closed()
      assert.equal(links.requests.length, 2)
      const [again, far] = await links.pair()
      await pass(again, far, ['welcome'])
    })

    test('fails with an error where nobody listens', async links => {
      const { url } = links
      await links.stop()
      const near = links.dial({}, url)
      assert.equal(near.ended, undefined, 'the outcome comes later than the call')
      const { code, error } = await near.closed()
      assert.equal(code, 1006)
      assert.ok(error instanceof Error)
      await assert.rejects(near.opened())
    })

    test('takes no new links once the listener is closed, and leaves the open ones alone', async links => {
      const [near, far] = await links.pair()
      await links.unlisten()
      await assert.rejects(links.dial().opened())
      await pass(near, far, ['still'])
      await pass(far, near, ['here'])
    })
  })

  describe('messages', () => {
    bothWays('carries them in order', (from, to) => pass(from, to, numbers(100)))

    test('carries them both ways at once', async links => {
      const [near, far] = await links.pair()
      await Promise.all([pass(near, far, numbers(500)), pass(far, near, numbers(500))])
    })

    bothWays('carries every kind of text', (from, to) => pass(from, to, TEXTS))

    bothWays('carries empty ones', (from, to, { binary }) =>
      pass(from, to, binary ? ['', new Uint8Array(0), ''] : ['', 'x', ''])
    )

    bothWays('keeps text and bytes apart', async (from, to, { binary }) => {
      if (!binary) return
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
      const text = new TextEncoder().encode('text')
      await pass(from, to, [
        'text',
        text,
        'text',
        bytes,
        bytes.subarray(7, 20),
        Buffer.from('text'),
        Uint8Array.of(0x80),
        '{}'
      ])
    })

    bothWays('carries each size of header', (from, to, { binary }) => {
      const sizes = [1, 124, 125, 126, 127, 128, 65_534, 65_535, 65_536, 65_537, 65_536]
      const texts = sizes.map(size => 'é'.repeat(size / 2) + 'x'.repeat(size % 2))
      return pass(from, to, binary ? [...texts, ...sizes.map(size => new Uint8Array(size).fill(size))] : texts)
    })

    bothWays('carries a megabyte', async (from, to, { binary }) => {
      await pass(from, to, ['x'.repeat(MEGABYTE), '\u{1f600}'.repeat(MEGABYTE / 4)])
      if (binary) await pass(from, to, [new Uint8Array(MEGABYTE).fill(255), 'and text'])
    })

    bothWays('carries thousands of small ones in one go', (from, to) => pass(from, to, numbers(2_000)))

    bothWays('sends a lone one at once', async (from, to) => {
      for (let index = 0; index < 20; index++) await pass(from, to, [`lone ${index}`])
    })

    bothWays('counts the bytes that come in, or none', async (from, to) => {
      const before = to.wire.received ?? 0
      await pass(from, to, ['x'.repeat(10_000)])
      const after = to.wire.received ?? 0
      if (before || after) assert.ok(after > before, `${before}, then ${after}`)
      await pass(from, to, [''])
      if (after) assert.ok((to.wire.received ?? 0) > after)
    })

    bothWays('keeps what arrived as it was', async (from, to, { binary }) => {
      if (!binary) return
      // Memory of an arrived message that is used again would show in the comparison of all of them at the end.
      const messages = Array.from({ length: 300 }, (_, index) => new Uint8Array(200).fill(index))
      for (const message of messages) from.wire.send(message)
      await to.received(messages.length)
      await pass(from, to, [new Uint8Array(70_000)])
      same(to.messages.slice(0, messages.length), messages)
    })

    test('delivers what is too large whole, or ends the link', async links => {
      const [near, far] = await links.pair()
      const large = 'x'.repeat(2 * LIMIT)
      near.wire.send(large)
      await far.until('message or end', () => far.messages.length > 0 || far.ended !== undefined)
      assert.deepEqual(far.messages, far.ended ? [] : [large])
    })

    test('sends runs, those included that links share', async links => {
      const [[near, far], [near2, far2]] = [await links.pair(), await links.pair()]
      const bytes = links.fixture.server.supports.binary ? Uint8Array.of(1, 2, 3) : 'bytes'
      const messages = ['one', bytes, '', 'é'.repeat(50_000), 'last']
      const frames = messages.map(message => new Frame(message, true))
      const [first, ...others] = frames
      const start = first?.after(undefined)
      const whole = others.reduce((run, frame) => frame.after(run), start)
      for (const [from, to] of [
        [far, near],
        [far2, near2],
        [near, far],
        [near2, far2]
      ] as const) {
        if (!from.wire.sendRun || !whole || !start) continue
        from.wire.sendRun(whole)
        from.wire.send('between')
        from.wire.sendRun(start)
        same(await to.received(7), [...messages, 'between', 'one'])
      }
    })

    bothWays('has datagrams where it says so', async (from, to, { datagrams }) => {
      assert.equal(typeof from.wire.datagram, datagrams ? 'function' : 'undefined')
      if (!datagrams) return
      // Any one may be lost, but not all of them, again and again.
      for (let round = 0; to.messages.length === 0; round++) {
        from.wire.datagram?.('maybe')
        await turns(round)
      }
      assert.equal(to.messages[0], 'maybe')
      from.wire.send('certain')
      await to.until('the message', () => to.messages.includes('certain'))
    })
  })

  describe('backpressure', () => {
    bothWays('says full, and then that there is room', async (from, to, { backpressure }) => {
      if (!backpressure) return
      const piece = 'x'.repeat(65_536)
      let sent = 0
      let room = true
      while (room && sent < 1_000) {
        room = from.wire.send(piece)
        sent++
      }
      assert.equal(room, false, 'tens of megabytes, and never full')
      assert.equal(from.drains, 0, 'drain within send')
      await from.until('drain', () => from.drains > 0)
      await pass(from, to, [])
      // What was sent when it was full is accepted all the same.
      await to.received(sent)
      await pass(from, to, ['more'])
    })

    bothWays('tells what is buffered', async (from, to, { backpressure }) => {
      if (!backpressure) return
      assert.equal(from.wire.buffered, 0)
      const sent = fill(from)
      assert.ok(from.wire.buffered >= MEGABYTE, `${from.wire.buffered}`)
      assert.ok(from.wire.buffered <= (sent + 1) * MEGABYTE, `${from.wire.buffered}`)
      await to.received(sent)
      await from.until('drain', () => from.drains > 0)
      await turns()
      assert.equal(from.wire.buffered, 0)
    })
  })

  describe('closing', () => {
    for (const [end, other] of [
      ['client', 'server'],
      ['server', 'client']
    ] as const) {
      /** A link, the end of it that acts first. */
      const ends = async (
        links: Links
      ): Promise<[acting: CheckedReceiver, other: CheckedReceiver, pair: LinkPair, Supports]> => {
        const pair = await links.pair()
        const { client, server } = links.fixture
        const [near, far] = pair
        return end === 'client' ? [near, far, pair, client.supports] : [far, near, pair, server.supports]
      }

      test(`tells both ends the code and reason of the ${end}`, async links => {
        for (const [code, reason] of [
          [1000, ''],
          [3000, 'The server shuts down'],
          [4999, '€'.repeat(41)]
        ] as const) {
          const [from, , pair, supports] = await ends(links)
          from.wire.close(code, reason)
          await goodbye(pair, supports, code, reason)
        }
      })

      test(`delivers everything that the ${end} sent before`, async links => {
        const [from, to, pair, supports] = await ends(links)
        const messages = [...numbers(1_000), 'x'.repeat(MEGABYTE), 'last']
        for (const message of messages) from.wire.send(message)
        from.wire.close(4000, 'done')
        await goodbye(pair, supports, 4000, 'done')
        same(to.messages, messages)
      })

      test(`closes in the open of the ${end}`, async links => {
        const close = { opened: (wire: { close(code: number, reason: string): void }) => wire.close(4001, 'no') }
        const far = links.receiver(end === 'server' ? close : {})
        links.accept = () => far
        const near = links.dial(end === 'client' ? close : {})
        await Promise.all([near.closed(), far.closed()])
        const { closeCodes } = links.fixture[end].supports
        if (closeCodes) assert.equal((end === 'client' ? far : near).ended?.code, 4001)
      })

      test(`closes, and cuts, within a message of the ${end}`, async links => {
        for (const act of ['close', 'abort'] as const) {
          const [near, far] = await links.pair(
            { heard: data => react(near, data) },
            { heard: data => react(far, data) }
          )
          const react = (receiver: CheckedReceiver, data: Data): void => {
            if (data !== 'now') return
            if (act === 'close') receiver.wire.close(4002, '')
            else receiver.wire.abort()
            receiver.wire.send('too late')
          }
          const [from, to] = end === 'client' ? [near, far] : [far, near]
          for (const message of ['before', 'now', 'after', 'after']) from.wire.send(message)
          await Promise.all([near.closed(), far.closed()])
          assert.deepEqual(to.messages.slice(0, 2), ['before', 'now'])
          assert.deepEqual(from.messages, [])
        }
      })

      test(`cuts at once by the ${end}, without a goodbye`, async links => {
        const [from, to] = await ends(links)
        from.wire.abort()
        // 1005: a technology that cannot cut says a goodbye without a code.
        await told(from, [1005, 1006])
        await told(to, [1005, 1006])
      })

      test(`is quiet after the ${end} closed or cut, whatever is called`, async links => {
        for (const act of ['close', 'abort'] as const) {
          const [from, to, [near, far]] = await ends(links)
          if (act === 'close') from.wire.close(4003, 'first')
          else from.wire.abort()
          // Cutting what is closing is allowed, and may overtake the goodbye.
          useAll(from, act === 'abort')
          await Promise.all([near.closed(), far.closed()])
          useAll(from)
          useAll(to)
          await turns()
          assert.deepEqual(to.messages, [])
          if (act === 'close' && links.fixture[end].supports.closeCodes) assert.equal(to.ended?.code, 4003)
        }
      })

      test(`ends when the ${end} is closed while the ${other} sends`, async links => {
        const [from, to] = await ends(links)
        const received = from.received(1)
        for (const message of numbers(2_000)) to.wire.send(message)
        await received
        from.wire.close(4004, '')
        for (const message of numbers(2_000)) to.wire.send(message)
        await Promise.all([from.closed(), to.closed()])
        assert.deepEqual(from.messages, [...numbers(2_000), ...numbers(2_000)].slice(0, from.messages.length))
      })
    }

    test('closes from both ends at once', async links => {
      const [near, far] = await links.pair()
      near.wire.close(4001, 'near')
      far.wire.close(4002, 'far')
      for (const end of [near, far]) assert.ok([4001, 4002, 1005, 1006].includes((await end.closed()).code))
    })

    test('is cut while it closes', async links => {
      const [near, far] = await links.pair()
      near.wire.close(4001, '')
      near.wire.abort()
      await Promise.all([near.closed(), far.closed()])
    })

    test('closes with much on its way, in both directions', async links => {
      const [near, far] = await links.pair()
      const sent = fill(near)
      fill(far)
      near.wire.close(4000, '')
      await Promise.all([near.closed(), far.closed()])
      assert.equal(far.messages.length, sent)
    })

    test('ends when it is aborted before it is open', async links => {
      const near = links.dial()
      near.controller.abort()
      assert.ok([1005, 1006].includes((await near.closed()).code))
      await assert.rejects(near.opened())
      const [again, far] = await links.pair()
      await pass(again, far, ['still serving'])
    })

    test('ends when it is aborted while the server makes up its mind', async links => {
      const far = links.receiver()
      const near = links.dial()
      links.accept = () => {
        near.controller.abort()
        return far
      }
      assert.ok([1005, 1006].includes((await near.closed()).code))
      await far.closed()
      await assert.rejects(near.opened())
    })

    test('ends when it is aborted after it opened', async links => {
      const [near, far] = await links.pair()
      near.controller.abort()
      await told(near, [1005, 1006], 'aborted')
      await told(far, [1005, 1006])
      near.controller.abort()
      useAll(near)
    })

    test('forgets the signal of a link that is over', async links => {
      const [near] = await links.pair()
      near.wire.close(1000, '')
      await near.closed()
      near.controller.abort()
    })

    test('tells both ends of a link that dies', async links => {
      const { cut } = links.fixture
      if (!cut) return
      for (let round = 0; round < 3; round++) {
        const [near, far] = await links.pair()
        if (round > 0) near.wire.send('x'.repeat(MEGABYTE))
        if (round > 1) far.wire.send('x'.repeat(MEGABYTE))
        cut()
        await told(near, [1006])
        await told(far, [1006])
        useAll(near)
        useAll(far)
      }
    })

    test('ends a dial whose link dies', async links => {
      const { cut } = links.fixture
      if (!cut) return
      const far = links.receiver()
      links.accept = () => {
        setImmediate(cut)
        cut()
        return far
      }
      await Promise.all([links.dial().closed(), far.closed()])
    })
  })
}

const PIECE = 'x'.repeat(MEGABYTE - 16)

/**
 * Sends more than the kernel takes while nobody reads: until a megabyte waits here, where the wire tells it.
 * @returns how many messages
 */
const fill = ({ wire }: CheckedReceiver): number => {
  let sent = 0
  while (sent < 4 || (sent < 14 && wire.buffered < MEGABYTE)) {
    wire.send(PIECE)
    sent++
  }
  return sent
}

/** Everything that a wire can be asked; none of it may throw, or do anything after the end. */
const useAll = ({ wire }: CheckedReceiver, abort = true): void => {
  wire.send('too late')
  wire.send(new Uint8Array(3))
  wire.sendRun?.(new Frame('too late', true).after(undefined))
  wire.datagram?.('too late')
  wire.close(4005, 'again')
  if (abort) wire.abort()
  wire.close(4006, 'and again')
  void [wire.buffered, wire.received]
}

/** Whether messages are the same: bytes by what they are, whichever class of bytes they came as. */
const same = (actual: readonly Data[], expected: readonly Data[]): void => {
  assert.equal(actual.length, expected.length)
  for (const [index, data] of actual.entries()) {
    const other = expected[index]
    const equal =
      typeof data === 'string' || typeof other === 'string'
        ? data === other
        : other && Buffer.compare(data, other) === 0
    assert.ok(equal, `message ${index} is ${show(data)} instead of ${show(other)}`)
  }
}

const show = (data: Data | undefined): string =>
  typeof data === 'string' ? JSON.stringify(data.slice(0, 60)) : `bytes ${data?.subarray(0, 20).join(' ')}`
