import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Client } from '../../lib/client.ts'
import type { Connection } from '../../lib/connection.ts'
import type { Lane } from '../../lib/lane.ts'
import type { Peer } from '../../lib/server/peer.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { memory } from '../../transformers/memory/index.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { host, logOf } from '../support/faults-pair.ts'
import { runs } from '../support/faults-seed.ts'
import { reliableOnly, tapClient, tapServer } from '../support/faults-tap.ts'
import { turns, until } from '../support/faults-wait.ts'

type Step =
  | { readonly do: 'write' | 'unreliable' | 'pause' | 'resume'; readonly by: 0 | 1; readonly size: number }
  | {
      readonly do: 'broadcast' | 'unreliable broadcast' | 'big' | 'lane up' | 'lane down' | 'multicast'
      readonly size: number
    }
  | { readonly do: 'cut' | 'wait'; readonly size: number }

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('write' as const),
        by: fc.constantFrom(0 as const, 1 as const),
        size: fc.nat(6)
      })
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constantFrom('unreliable' as const, 'pause' as const, 'resume' as const),
        by: fc.constantFrom(0 as const, 1 as const),
        size: fc.constant(0)
      })
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom(
          'broadcast' as const,
          'unreliable broadcast' as const,
          'big' as const,
          'lane up' as const,
          'lane down' as const,
          'multicast' as const
        ),
        size: fc.nat(4)
      })
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('cut' as const), size: fc.constant(0) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), size: fc.integer({ min: 1, max: 6 }) }) }
  ),
  { maxLength: 40, size: 'max' }
)

const isUnreliable = (value: unknown): boolean => typeof value === 'string' && value.startsWith('u')

/** Unreliable values come at most once, and only such that were sent. */
const checkUnreliable = (got: readonly unknown[], sent: readonly unknown[]): void => {
  assert.equal(new Set(got).size, got.length, 'no unreliable value comes twice')
  for (const value of got) assert.ok(sent.includes(value), 'unreliable values are those that were sent')
}

describe('sessions on the memory transformer', () => {
  const use = undoing()
  guard()

  const check = async (
    history: readonly Step[],
    datagrams: boolean,
    latency: number,
    window: number
  ): Promise<void> => {
    const network = memory({ latency, capacity: window === 2_000 ? 150 : 2_000 })
    const limits = { window }
    // A lane of their own, over which values travel between those of the application.
    const lanes: Partial<Record<'client' | 'peer', Lane>> = {}
    const heard = { client: [] as unknown[], peer: [] as unknown[] }
    const said = { client: [] as unknown[], peer: [] as unknown[] }
    const listen = (end: 'client' | 'peer', lane: Lane): void => {
      lanes[end] = lane
      lane.on('data', value => heard[end].push(value))
    }
    const plugin = {
      name: 'lane',
      version: 1,
      client: (_client: Client, lane: Lane) => listen('client', lane),
      peer: (_peer: Peer, lane: Lane) => listen('peer', lane)
    }
    const { told, dial, server } = host(use, {
      server: {
        plugins: [plugin],
        transformers: [datagrams ? network : tapServer(network, { wire: reliableOnly })],
        limits
      }
    })
    const client: Client = dial({
      transformers: [datagrams ? network : tapClient(network, { wire: reliableOnly })],
      limits,
      plugins: [reconnect({ min: 0 }), plugin]
    })
    const near = logOf(client)
    await until(() => client.state === 'open' && told.peers.length === 1)
    const [peer] = told.peers
    const [far] = told.logs
    assert.ok(peer && far)
    const ends: readonly [Client, Peer] = [client, peer]
    const written: [unknown[], unknown[]] = [[], []]
    const loose: [unknown[], unknown[]] = [[], []]
    let serial = 0
    const next = (size: number, kind = 'r'): string => `${kind}${serial++}:${'.'.repeat(size)}`
    const put = (by: 0 | 1, value: string, to: (connection: Connection) => unknown): void => {
      written[by].push(value)
      to(ends[by])
    }
    /** More than a window may not wait while there is no wire: that is another test. */
    const spare = (by: 0 | 1): Promise<void> =>
      until(() => ends[by].state === 'open' || ends[by].bufferedBytes < window / 2, 'a wire', 1_000)
    for (const step of history) {
      if (!['unreliable', 'pause', 'resume', 'cut', 'wait'].includes(step.do))
        await spare('by' in step ? step.by : step.do === 'lane up' ? 0 : 1)
      if (step.do === 'write') {
        for (let count = 0; count <= step.size; count++) {
          const value = next(count * 10)
          put(step.by, value, end => end.write(value))
        }
      } else if (step.do === 'big') {
        const value = next(step.size * 400)
        put(1, value, end => end.write(value))
      } else if (step.do === 'broadcast') {
        const value = next(step.size)
        put(1, value, () => server.peers.broadcast(value))
      } else if (step.do === 'lane up' || step.do === 'lane down') {
        const end = step.do === 'lane up' ? 'client' : 'peer'
        const value = next(step.size)
        said[end].push(value)
        lanes[end]?.write(value)
      } else if (step.do === 'multicast') {
        const value = next(step.size)
        said.peer.push(value)
        server.multicast(server.peers, value, { lane: 'lane' })
      } else if (step.do === 'unreliable broadcast') {
        const value = next(step.size, 'u')
        loose[1].push(value)
        server.peers.broadcast(value, { reliable: false })
      } else if (step.do === 'unreliable') {
        const value = next(0, 'u')
        loose[step.by].push(value)
        ends[step.by].write(value, { reliable: false })
      } else if (step.do === 'pause') ends[step.by].pause()
      else if (step.do === 'resume') ends[step.by].resume()
      else if (step.do === 'cut') {
        if (client.bufferedBytes < window && peer.bufferedBytes < window) network.cut()
      } else await turns(step.size)
    }
    client.resume()
    peer.resume()
    await until(
      () =>
        near.values.filter(value => !isUnreliable(value)).length >= written[1].length &&
        far.values.filter(value => !isUnreliable(value)).length >= written[0].length &&
        heard.client.length >= said.peer.length &&
        heard.peer.length >= said.client.length,
      'all values',
      1_000
    )
    await turns(8)
    assert.deepEqual(
      far.values.filter(value => !isUnreliable(value)),
      written[0],
      'at the server'
    )
    assert.deepEqual(
      near.values.filter(value => !isUnreliable(value)),
      written[1],
      'at the client'
    )
    assert.deepEqual([heard.peer, heard.client], [said.client, said.peer], 'over the lane')
    checkUnreliable(far.values.filter(isUnreliable), loose[0])
    checkUnreliable(near.values.filter(isUnreliable), loose[1])
    assert.equal(told.peers.length, 1, 'one session')
    assert.deepEqual([...near.lost, ...far.lost, ...near.closes, ...far.closes], [])
    assert.deepEqual([...near.errors, ...far.errors, ...told.errors], [])
    assert.deepEqual(
      near.opens.slice(1).filter(({ recovered }) => !recovered),
      []
    )
    client.destroy()
    await server.close({ timeout: 0 })
  }

  for (const datagrams of [true, false]) {
    it(`lose nothing under random cuts, pauses and broadcasts, ${datagrams ? 'with' : 'without'} datagrams`, async () => {
      await fc.assert(
        fc.asyncProperty(
          steps,
          fc.constantFrom(0, 0, 1),
          fc.constantFrom(2_000, 20_000, 1_048_576),
          (history, latency, window) => check(history, datagrams, latency, window)
        ),
        runs(25)
      )
    }).timeout(60_000)
  }

  it('recover before the first value, and several times in a row', async () => {
    const { network, told, dial } = host(use)
    const client = dial()
    const near = logOf(client)
    await until(() => client.state === 'open')
    for (let count = 0; count < 5; count++) {
      network.cut()
      await until(() => near.opens.length === count + 2)
    }
    assert.deepEqual(near.story, ['open', ...Array.from({ length: 5 }, () => ['disconnect', 'recovered']).flat()])
    client.write('up')
    told.peers[0]?.write('down')
    await until(() => near.values.length === 1 && told.logs[0]?.values.length === 1)
    assert.deepEqual([told.peers.length, near.values, told.logs[0]?.values], [1, ['down'], ['up']])
  })
})
