/*
 * Who may do what, and what becomes of it when that changes; and authentication that is renewed on a live connection.
 * node --import tsx examples/permissions.ts
 */
import { AnywireError, connect, createServer } from 'anywire'
import { authenticate } from 'anywire/plugins/authenticate'
import { permissions } from 'anywire/plugins/permissions'
import { pubsub } from 'anywire/plugins/pubsub'

interface Context {
  readonly user: string
  readonly editor: boolean
}

/** The sessions of a login service, by token. */
const tokens = new Map<unknown, Context>([
  ['token of a reader', { user: 'ann', editor: false }],
  ['token of an editor', { user: 'ann', editor: true }]
])

const server = createServer({
  port: 0,
  authenticate: ({ auth }) => tokens.get(auth),
  plugins: [
    permissions<Context>({
      pubsub: {
        subscribe: { 'news.>': true, 'news.drafts': ({ context }) => context.editor },
        publish: { 'news.>': ({ context }) => context.editor }
      }
    }),
    authenticate(),
    pubsub()
  ]
})
const port = await new Promise(resolve =>
  server.on('listening', address => resolve(typeof address === 'object' && address?.port))
)
const client = connect(`http://localhost:${String(port)}`, {
  auth: 'token of a reader',
  plugins: [authenticate(), pubsub()]
})
client.pubsub.on('unsubscribe', ({ topic, error }) => console.log(`${topic} ended: ${error?.code}`))

const tryIt = async (what: string, act: () => Promise<unknown>): Promise<void> => {
  const outcome = await act().then(
    () => 'yes',
    (error: unknown) => (error instanceof AnywireError ? error.code : 'no')
  )
  console.log(`${what}: ${outcome}`)
}

await tryIt('a reader reads the news', () => client.pubsub.subscribe('news.sport', () => {}))
await tryIt('a reader reads drafts', () => client.pubsub.subscribe('news.drafts', () => {}))
await tryIt('a reader writes', () => client.pubsub.publish('news.sport', 'They won', { ack: true }))
await tryIt('anybody does anything else', () => client.pubsub.history('news.sport'))

// She logs in as an editor. The connection and what she is subscribed to go on.
await tryIt('a wrong token is accepted', () => client.authenticate('stolen'))
await tryIt('the new token is accepted', () => client.authenticate('token of an editor'))
await tryIt('an editor reads drafts', () => client.pubsub.subscribe('news.drafts', () => {}))
await tryIt('an editor writes', () => client.pubsub.publish('news.sport', 'They won', { ack: true }))

// And out: what she may not do any more ends.
const ended = new Promise(resolve => client.pubsub.once('unsubscribe', resolve))
await client.authenticate('token of a reader')
await ended

client.end()
await server.close()
