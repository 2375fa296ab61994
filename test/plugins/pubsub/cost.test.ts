import assert from 'node:assert/strict'
import { connect, createServer } from '../../../core.ts'
import { json } from '../../../parsers/json.ts'
import { pubsub } from '../../../plugins/pubsub/index.ts'
import { memory } from '../../../transformers/memory/index.ts'
import { guard, undoing } from '../../support/faults-guard.ts'
import { until } from '../../support/faults-wait.ts'
import { processorTime } from '../../support/processor.ts'

describe('pubsub: what it costs', () => {
  guard()
  const use = undoing()

  it('a message is encoded once for all, and leaves in one piece with the others of its turn', async () => {
    const parser = json()
    const network = memory()
    let encoded = 0
    const server = createServer(undefined, {
      transformers: [network],
      parsers: [{ ...parser, encode: value => (encoded++, parser.encode(value)) }],
      plugins: [pubsub()]
    })
    use(() => server.close({ timeout: 0, reconnect: false }))
    let heard = 0
    for (let count = 0; count < 20; count++) {
      const client = connect('http://memory', { transformers: [network], parser, plugins: [pubsub()] })
      use(() => client.destroy())
      await client.pubsub.subscribe(count % 2 ? 'a.b' : 'a.*', () => heard++)
      await client.pubsub.subscribe('>', () => heard++)
    }
    encoded = 0
    for (let count = 0; count < 5; count++) assert.equal(server.pubsub.publish('a.b', { count }), 20)
    assert.equal(encoded, 5)
    await until(() => heard === 200)
  })

  it('publishing does not grow with subscriptions of something else', () => {
    const server = createServer(undefined, { transformers: [memory()], parsers: [json()], plugins: [pubsub()] })
    use(() => server.close({ timeout: 0, reconnect: false }))
    let heard = 0
    server.pubsub.subscribe('a.b.c', () => heard++)
    /** Milliseconds for some messages: the best of several rounds. */
    const measure = (): number => {
      const times = Array.from({ length: 10 }, () =>
        processorTime(() => {
          for (let count = 0; count < 1_000; count++) server.pubsub.publish('a.b.c', count)
        })
      )
      return Math.min(...times)
    }
    measure()
    const before = measure()
    for (let count = 0; count < 50_000; count++) {
      server.pubsub.subscribe(count % 2 ? `a.b.x${count}` : `x${count}.*.>`, () => {})
    }
    const after = measure()
    assert.equal(heard, 30_000)
    // A look at each of them would be some thousand times as much.
    assert.ok(after < before * 10 + 5, `${before} ms before, ${after} ms after`)
  })
})
