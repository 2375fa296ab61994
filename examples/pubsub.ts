/* Publish and subscribe, with history: who comes late, or comes back, has missed nothing. node --import tsx examples/pubsub.ts */
import { connect, createServer } from 'anywire'
import { pubsub } from 'anywire/plugins/pubsub'

const server = createServer({ port: 0, plugins: [pubsub({ topics: { 'news.>': { history: { size: 100 } } } })] })
const port = await new Promise(resolve =>
  server.on('listening', address => resolve(typeof address === 'object' && address?.port))
)
const url = `http://localhost:${String(port)}`

const reader = connect(url, { plugins: [pubsub()], reconnect: { min: 10 } })
const writer = connect(url, { plugins: [pubsub()] })

await reader.pubsub.subscribe('news.*', (value, { topic, offset }) => console.log(`${topic} #${offset}: ${value}`))
console.log('received by', await writer.pubsub.publish('news.sport', 'They won', { ack: true }))

// The session of the reader ends, and it comes back with another one: what was said meanwhile is caught up with.
const back = new Promise(resolve => reader.pubsub.once('subscribe', ({ recovered }) => resolve(recovered)))
for (const peer of server.peers) if (peer.id === reader.id) peer.destroy(4000, 'see you')
server.pubsub.publish('news.sport', 'They lost')
console.log('recovered:', await back)

const { messages } = await writer.pubsub.history('news.sport', { limit: 10 })
console.log('history:', messages.map(({ value }) => value).join(', '))

// Somebody who serves a topic is told when somebody else wants it.
const served = server.pubsub.listen('time.*', (topic, signal) => {
  console.log(`${topic} is wanted`)
  signal.addEventListener('abort', () => console.log(`${topic} is not wanted any more`))
})
const clock = reader.pubsub.subscribe('time.utc', () => {})
await clock
clock.unsubscribe()
await reader.pubsub.history('time.utc')
served()

reader.end()
writer.end()
await server.close()
