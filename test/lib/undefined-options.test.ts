import assert from 'node:assert/strict'
import { connect, createServer } from '../../index.ts'
import { pubsub } from '../../plugins/pubsub/index.ts'
import { records } from '../../plugins/records/index.ts'
import { rooms } from '../../plugins/rooms/index.ts'
import { memory as store } from '../../stores/memory.ts'
import { memory } from '../../transformers/memory/index.ts'

const none = undefined

describe('options that are undefined', () => {
  it('have their defaults', async () => {
    const network = memory({ name: none, latency: none, capacity: none, down: none, stalled: none, random: none })
    assert.deepEqual([network.name, network.latency, network.capacity, network.down], ['memory', 0, 65_536, false])
    const clocks = { now: none, monotonic: none, discardDelay: none }
    const server = createServer({
      transformers: [network],
      parsers: none,
      plugins: [
        rooms({ limit: none, length: none }),
        pubsub({ limits: { keys: none }, queue: none }),
        records({ store: store(), limits: { fields: none }, horizon: none, ...clocks })
      ],
      limits: { message: none },
      recovery: { time: none },
      heartbeat: none
    })
    const client = connect('http://memory', {
      transformers: [network],
      parser: none,
      reconnect: none,
      offline: none,
      wires: { headStart: none, patience: none, remember: none, rest: none, settle: none, random: none },
      timeout: none,
      limits: { message: none, window: none, buffered: none },
      plugins: [pubsub({ queue: none }), records({ persist: none, schema: none, ...clocks })]
    })
    server.on('connection', peer => peer.rooms.join('lobby'))
    await client.records.get<{ title: string }>('todos/1').replace({ title: 'Tea' }).durable
    const heard = new Promise(resolve => void client.pubsub.subscribe('a', resolve, { signal: none }))
    await client.pubsub.publish('a', 1, { ack: true, key: none })
    assert.equal(await heard, 1)
    assert.deepEqual(client.wires.resting, [])
    assert.equal(server.rooms.members('lobby').size, 1)
    client.destroy()
    await server.close()
  })
})
