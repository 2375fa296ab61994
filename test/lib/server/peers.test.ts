import assert from 'node:assert/strict'
import type { Peer } from '../../../lib/server/peer.ts'
import { json } from '../../../parsers/json.ts'
import { msgpack } from '../../../parsers/msgpack.ts'
import { guard, undoing } from '../../support/faults-guard.ts'
import { host } from '../../support/faults-pair.ts'
import { hello, RawClient } from '../../support/faults-raw.ts'
import { turns, until } from '../../support/faults-wait.ts'

describe('broadcasts', () => {
  const use = undoing()
  guard()

  it('pass by nobody where the filter takes its time: a promise is no answer', async () => {
    const { network, server, told } = host(use)
    const raw = await RawClient.dial(network, { say: [hello()] })
    await raw.welcome()
    for (const answer of [true, false, Promise.reject(new Error('mine'))]) {
      // As JavaScript may pass it.
      const where: unknown = async () => answer
      assert.equal(server.peers.broadcast('secret', { where: where as (peer: Peer) => boolean }), 0)
    }
    await turns()
    assert.equal(raw.heard.length, 1)
    assert.deepEqual(
      told.errors.map(({ stage }) => stage),
      ['where', 'where', 'where']
    )
    assert.equal(server.peers.broadcast('told', { where: () => true }), 1)
    await until(() => raw.heard.length === 2)
  })

  it('reach all whose parser can encode the value, and tell that another one cannot', async () => {
    const { server, dial } = host(use, { server: { parsers: [json(), msgpack()] } })
    const [one, two] = [dial({ parser: json() }), dial({ parser: msgpack() })]
    const got: unknown[] = []
    for (const client of [one, two]) client.on('data', value => got.push(value))
    await until(() => server.peers.size === 2)
    assert.throws(() => server.peers.broadcast({ big: 1n }), { code: 'ERR_ENCODE' })
    await until(() => got.length === 1)
    assert.deepEqual(got, [{ big: 1n }])
  })
})
