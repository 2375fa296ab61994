import assert from 'node:assert/strict'
import { connect, createServer } from '../../../index.ts'
import { keep, records } from '../../../plugins/records/index.ts'
import type { Store } from '../../../lib/store.ts'
import { memory as store } from '../../../stores/memory.ts'
import { memory } from '../../../transformers/memory/index.ts'

interface Counter {
  readonly title: string
  readonly count: number
}

const start = (device: Store) => {
  const network = memory()
  const server = createServer({
    client: false,
    transformers: [network],
    plugins: [records<{ 'counters/': Counter }>({ store: store() })]
  })
  const client = connect('http://memory', {
    transformers: [network],
    plugins: [records<{ 'counters/': Counter }>({ persist: keep(device) })]
  })
  return { network, server, client, counter: client.records.get('counters/1') }
}

describe('records: what a client leaves in its store', () => {
  it('is seen as long as it waits there, and once when it is taken up again', async () => {
    const { network, server, client, counter } = start(store())
    await counter.replace({ title: 'old', count: 1 }).durable
    network.down = true
    network.cut()
    counter.set('title', 'new')
    await counter.increment('count', 10).stored
    const seen: unknown[] = []
    counter.subscribe(value => seen.push(value))
    client.destroy()
    await client.records.close()
    assert.deepEqual(counter.get(), { title: 'new', count: 11 })
    network.down = false
    client.open()
    await new Promise<void>(resolve => client.records.on('pending', count => count || resolve()))
    await counter.when.synced
    assert.deepEqual(counter.get(), { title: 'new', count: 11 })
    assert.deepEqual(await server.records.snapshot('counters/1'), { title: 'new', count: 11 })
    assert.deepEqual(seen, [{ title: 'new', count: 11 }])
    client.destroy()
    await client.records.close()
    await client.records.clear()
    assert.equal(counter.get(), undefined)
    await server.close()
  })

  it('is not seen where the store did not take it', async () => {
    const device = store()
    const { server, client, counter } = start(device)
    await counter.replace({ title: 'old', count: 1 }).durable
    device.commit = () => Promise.reject(new Error('no disk'))
    client.records.on('error', () => {})
    const write = counter.set('title', 'new')
    client.destroy()
    await client.records.close().catch(() => {})
    assert.deepEqual([write.status, counter.get('title')], ['refused', 'old'])
    await server.close()
  })
})
