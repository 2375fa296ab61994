import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Client } from '../../lib/client.ts'
import type { Parser } from '../../lib/parser.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Data } from '../../lib/transformer.ts'
import { json } from '../../parsers/json.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { raw } from '../../parsers/raw.ts'
import { ws } from '../../transformers/ws/index.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { hostHttp } from '../support/faults-http.ts'
import { host, logOf } from '../support/faults-pair.ts'
import type { Log } from '../support/faults-pair.ts'
import { RawClient } from '../support/faults-raw.ts'
import { runs } from '../support/faults-seed.ts'
import { turns, until } from '../support/faults-wait.ts'

const bytes = (text: string): Uint8Array => Uint8Array.from(text, character => character.charCodeAt(0))

/** Texts that look like frames. */
const TEXTS = [
  '',
  ' ',
  '!',
  '!!',
  '!0',
  '!0{}',
  '!0{"v":1,"parser":"json","plugins":[],"limit":9,"window":9}',
  '!1{}',
  '!2',
  '!2[1000,"",0]',
  '!2[4500,"bye",0]',
  '!3',
  '!30',
  '!3999',
  '!3-1',
  '!31e9',
  '!40',
  '!4999',
  '!50',
  '!6',
  '!9',
  '!:',
  '!;',
  '!<',
  '!=',
  '!>',
  '!?',
  '!??',
  '!À',
  '!À1',
  '!Á1',
  '!?0',
  '!@',
  '!@1',
  '!@!2[1000,"",0]',
  '!A',
  '!A1',
  '!~',
  '!~1',
  '!\u007f',
  '!\u0080',
  '!\uffff',
  '!\u0000',
  '\u0000!',
  '\ufeff!2[1000,"",0]',
  '1',
  'null',
  '{}',
  '"',
  '"!"',
  '\u00c1',
  '\u00c1@'
]

/** Values that look like frames, as each parser may carry them. */
const nasty = (binary: boolean): unknown[] => [
  ...TEXTS,
  ...(binary
    ? TEXTS.flatMap(text => [
        bytes(text),
        Uint8Array.of(0xc1, ...bytes(text).slice(1)),
        Uint8Array.of(0xc1, ...bytes(text))
      ])
    : []),
  ...(binary
    ? [Uint8Array.of(0xff), Uint8Array.of(0xff, 0, 0, 0, 2, 91, 93), Uint8Array.of(0xc1, 0xc1), new Uint8Array(0)]
    : [])
]

const texts = fc.oneof(
  fc.constantFrom(...TEXTS),
  fc.string({ unit: 'grapheme' }),
  fc.string().map(text => `!${text}`)
)
const blobs = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.uint8Array({ maxLength: 40 }).map(rest => Uint8Array.of(0xc1, ...rest)),
  fc.constantFrom(...TEXTS).map(text => Uint8Array.of(0xc1, ...bytes(text).slice(1)))
)
const structures = fc.letrec(tie => ({
  any: fc.oneof(
    { maxDepth: 3 },
    texts,
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter(number => !Object.is(number, -0)),
    fc.boolean(),
    fc.constant(null),
    tie('list'),
    tie('map')
  ),
  list: fc.array(tie('any'), { maxLength: 4 }),
  map: fc.dictionary(
    texts.filter(key => key !== '__proto__' && key !== 'constructor' && !key.startsWith('\ufeff')),
    tie('any'),
    { maxKeys: 4, noNullPrototype: true }
  )
})).any

const KINDS: readonly { name: string; make: () => Parser; values: fc.Arbitrary<unknown>; fixed: unknown[] }[] = [
  {
    name: 'json',
    make: json,
    values: fc.oneof(structures, blobs),
    fixed: [...nasty(true), nasty(false), { '!2': ['!3'] }]
  },
  {
    name: 'msgpack',
    make: msgpack,
    values: fc.oneof(structures, blobs),
    fixed: [...nasty(true), nasty(true), new Map([['!', '!']])]
  },
  { name: 'raw', make: raw, values: fc.oneof(texts, blobs), fixed: nasty(true) }
]

describe('control cannot be forged by a value', () => {
  const use = undoing()
  guard()

  const nothingElse = (log: Log): void => assert.deepEqual([log.errors, log.lost, log.closes], [[], [], []])

  for (const { name, make, values, fixed } of KINDS) {
    /** Writes values at both ends, and looks that the other end gets them and nothing else. */
    const exchange = async (
      client: Client,
      peer: Peer,
      near: Log,
      far: Log,
      all: readonly unknown[]
    ): Promise<void> => {
      for (const log of [near, far]) log.values.length = 0
      for (const value of all) {
        client.write(value)
        peer.write(value)
      }
      await until(
        () => near.values.length >= all.length && far.values.length >= all.length,
        `${name} ${near.values.length} ${far.values.length} of ${all.length}, ${JSON.stringify([near.errors, far.errors])}`
      )
      await turns(2)
      assert.deepEqual(far.values, all)
      assert.deepEqual(near.values, all)
      assert.deepEqual([client.state, peer.state], ['open', 'open'])
      nothingElse(near)
      nothingElse(far)
    }

    it(`${name}: whatever is written arrives, and nothing else happens`, async () => {
      const { network, dial, told, server } = host(use, { server: { parsers: [make()] } })
      const client = dial({ parser: make() })
      const near = logOf(client)
      await until(() => client.state === 'open' && told.peers.length === 1)
      const [peer] = told.peers
      const [far] = told.logs
      assert.ok(peer && far)
      await exchange(client, peer, near, far, fixed)
      await fc.assert(
        fc.asyncProperty(fc.array(values, { maxLength: 10 }), fc.boolean(), async (all, cut) => {
          await exchange(client, peer, near, far, all)
          for (const value of all) server.peers.broadcast(value)
          await until(() => near.values.length === 2 * all.length)
          assert.deepEqual(near.values.slice(all.length), all)
          for (const value of all) client.write(value, { reliable: false })
          await until(() => far.values.length === 2 * all.length)
          assert.deepEqual(far.values.slice(all.length), all)
          if (!cut) return
          // The counts of both ends are what they should be.
          const opens = near.opens.length
          network.cut()
          await until(() => near.opens.length > opens)
          assert.equal(near.opens.at(-1)?.recovered, true)
        }),
        runs(60)
      )
    })

    it(`${name}: over WebSocket too`, async () => {
      const { dial, told } = await hostHttp(use, { server: { parsers: [make()] } })
      const client = dial(undefined, { parser: make() })
      const near = logOf(client)
      await until(() => client.state === 'open' && told.peers.length === 1)
      const [peer] = told.peers
      const [far] = told.logs
      assert.ok(peer && far)
      await exchange(client, peer, near, far, fixed)
    })
  }

  it('plain clients say and hear messages as they are, and nothing else happens', async () => {
    const messages: Data[] = [
      ...TEXTS,
      ...TEXTS.map(bytes),
      ...TEXTS.map(text => Uint8Array.of(0xc1, ...bytes(text).slice(1)))
    ]
    const { told, url, server } = await hostHttp(use, { server: { parsers: [raw()] } })
    const client = await RawClient.dial(ws(), { url, plain: true })
    await until(() => told.peers.length === 1)
    client.say(...messages)
    const [log] = told.logs
    const [peer] = told.peers
    assert.ok(log && peer)
    await until(() => log.values.length >= messages.length)
    assert.deepEqual(log.values, messages)
    for (const message of messages) peer.write(message)
    for (const message of messages) server.peers.broadcast(message)
    for (const message of messages) peer.write(message, { reliable: false })
    await until(() => client.heard.length >= 3 * messages.length)
    assert.deepEqual(
      client.heard,
      [...messages, ...messages, ...messages].map(message =>
        typeof message === 'string' ? message : new Uint8Array(message)
      )
    )
    assert.deepEqual([peer.state, client.closed], ['open', undefined])
    nothingElse(log)
    assert.deepEqual(told.errors, [])
  })

  it('plain clients of a JSON server are ended for what is no JSON, and reach no control frame', async () => {
    for (const text of TEXTS.filter(text => text.startsWith('!'))) {
      const { told, network } = host(use)
      const client = await RawClient.dial(network, { plain: true, say: [text] })
      await until(() => client.closed !== undefined)
      assert.deepEqual([client.closed?.code, client.heard, told.logs[0]?.values ?? []], [3508, [], []], text)
      assert.deepEqual(
        told.errors.map(({ error }) => error.code),
        ['ERR_VALUE'],
        text
      )
    }
  })
})
