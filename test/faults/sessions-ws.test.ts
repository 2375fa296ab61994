import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Client } from '../../lib/client.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { hostHttp } from '../support/faults-http.ts'
import { logOf } from '../support/faults-pair.ts'
import { CuttingProxy } from '../support/faults-proxy.ts'
import type { Cut } from '../support/faults-proxy.ts'
import { runs } from '../support/faults-seed.ts'
import { until } from '../support/faults-wait.ts'

/** Text with a length of its own each, some in frames of the second kind, with characters of more than one byte. */
const value = (from: string, index: number, size = (index * 37) % 190): string =>
  `${from}${index} é ${'x'.repeat(size)}`

const COUNT = 8

/** Milliseconds: a busy machine has many sockets at a time here. */
const PATIENCE = 10_000

describe('sessions on WebSocket', () => {
  const use = undoing()
  guard()

  /**
   * One conversation through a proxy that cuts: both ends write some values at once, and the server then answers each value.
   * @returns the bytes of its first connection
   */
  const converse = async (
    { dial, port, told }: Awaited<ReturnType<typeof hostHttp>>,
    cuts: readonly Cut[],
    big = 0
  ): Promise<{ up: number; down: number }> => {
    const proxy = new CuttingProxy(port)
    use(() => proxy.close())
    const client: Client = dial(await proxy.listen(cuts))
    const near = logOf(client)
    const up = Array.from({ length: COUNT }, (_, index) => value('up', index, index === 3 && big ? big : undefined))
    const down = Array.from({ length: COUNT }, (_, index) => value('down', index))
    for (const text of up) client.write(text)
    // Answers are the values that went up, so a session that was never opened is not the one that counts.
    await until(
      () => near.values.length >= 2 * COUNT,
      () => `${JSON.stringify([cuts, proxy.bytes, client.state, near])}: ${near.values.length} values`,
      PATIENCE
    )
    const index = told.peers.findIndex(({ id }) => id === client.id)
    const far = told.logs[index]
    await until(() => far?.values.length === COUNT, 'all values at the server', PATIENCE)
    assert.deepEqual(far?.values, up, JSON.stringify(cuts))
    assert.deepEqual(
      near.values.filter(text => `${text}`.startsWith('down')),
      down,
      JSON.stringify(cuts)
    )
    assert.deepEqual(
      near.values.filter(text => `${text}`.startsWith('up')),
      up,
      JSON.stringify(cuts)
    )
    assert.deepEqual([near.lost, near.closes, near.errors, far?.lost, far?.errors], [[], [], [], [], []])
    assert.deepEqual(
      near.opens.map(({ recovered }) => recovered),
      near.opens.map((_, open) => open > 0)
    )
    client.end()
    await until(() => near.closes.length === 1)
    await proxy.close()
    return proxy.bytes[0] ?? { up: 0, down: 0 }
  }

  const serve = async () => {
    const hosted = await hostHttp(use)
    hosted.server.on('connection', peer => {
      for (let index = 0; index < COUNT; index++) peer.write(value('down', index))
      peer.on('data', text => void peer.write(text))
    })
    return hosted
  }

  const inBatches = async (
    cuts: readonly (readonly Cut[])[],
    run: (cuts: readonly Cut[]) => Promise<unknown>
  ): Promise<void> => {
    const rest = cuts.values()
    const work = async (): Promise<void> => {
      for (const each of rest) await run(each)
    }
    await Promise.all(Array.from({ length: 8 }, work))
  }

  for (const direction of ['up', 'down'] as const) {
    it(`lose nothing, wherever a wire is cut on its way ${direction}`, async () => {
      const hosted = await serve()
      const bytes = await converse(hosted, [])
      const offsets = Array.from({ length: bytes[direction] }, (_, offset) => offset)
      // Other ones with another seed; the head of the HTTP message is cut only here and there.
      const { seed, numRuns } = runs(9)
      const step = Math.ceil(192 / numRuns)
      const chosen = offsets.filter(offset => (offset + seed) % (offset < 120 ? 24 : step) === 0)
      await inBatches(
        chosen.map(offset => [{ [direction]: offset, reset: offset % 2 === 0 }]),
        cuts => converse(hosted, cuts)
      )
      assert.deepEqual(hosted.told.errors, [])
    })
  }

  it('lose nothing when wire after wire is cut', async () => {
    const hosted = await serve()
    const cut: fc.Arbitrary<Cut> = fc.record({ up: fc.nat(1_800), down: fc.nat(3_200), reset: fc.boolean() })
    const plans = fc.sample(fc.array(cut, { minLength: 2, maxLength: 8 }), runs(13))
    await inBatches(plans, cuts => converse(hosted, cuts))
    assert.deepEqual(hosted.told.errors, [])
  })

  it('lose nothing when wires are cut in the middle of a large message', async () => {
    const hosted = await serve()
    const cut: fc.Arbitrary<Cut> = fc.record({ up: fc.nat(150_000), down: fc.nat(150_000), reset: fc.boolean() })
    const plans = fc.sample(fc.array(cut, { minLength: 1, maxLength: 4 }), runs(4))
    await inBatches(plans, cuts => converse(hosted, cuts, 100_000))
    assert.deepEqual(hosted.told.errors, [])
  })

  it('begin anew when their server was killed: what it may have got is told, and the rest arrives at the next one', async () => {
    const [first, second] = [await hostHttp(use), await hostHttp(use)]
    const proxy = new CuttingProxy(first.port)
    use(() => proxy.close())
    const client = first.dial(await proxy.listen())
    const near = logOf(client)
    await until(() => client.state === 'open')
    const { id } = client
    client.write('known')
    await until(() => first.told.logs[0]?.values.length === 1)
    await client.ping()
    client.write('perhaps')
    await until(() => first.told.logs[0]?.values.length === 2)
    proxy.port = second.port
    proxy.cut()
    await until(() => client.state === 'away')
    client.write('surely')
    await until(() => second.told.logs[0]?.values.length === 1)
    assert.deepEqual([near.lost, second.told.logs[0]?.values], [['perhaps'], ['surely']])
    assert.deepEqual(near.story, ['open', 'disconnect', 'lost', 'close', 'open'])
    assert.deepEqual(near.opens, [{ recovered: false }, { recovered: false }])
    assert.notEqual(client.id, id)
  })
})
