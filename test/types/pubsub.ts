/*
 * What rooms, permissions and pubsub add to the types of clients, servers and peers. Checked by `npm run types`. Nothing here runs.
 */
import { connect, createServer } from '../../index.ts'
import type { AnywireError, Peer } from '../../index.ts'
import { permissions } from '../../plugins/permissions/index.ts'
import type { Permissions } from '../../plugins/permissions/index.ts'
import { pubsub as inBrowsers } from '../../plugins/pubsub/client.ts'
import { pubsub } from '../../plugins/pubsub/index.ts'
import type {
  History,
  Message,
  Ongoing,
  Outcome,
  PeerPubSub,
  PubSub,
  ServerPubSub
} from '../../plugins/pubsub/index.ts'
import { rooms } from '../../plugins/rooms/index.ts'
import type { PeerRooms, Rooms, Target } from '../../plugins/rooms/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type IsAny<T> = 0 extends 1 & T ? true : false
const is = <T extends true>(): T | undefined => undefined

interface Context {
  readonly user: string
}

const server = createServer({
  port: 0,
  authenticate: (): Context => ({ user: 'ann' }),
  plugins: [
    rooms({ limit: 10 }),
    permissions<Context>({
      pubsub: {
        subscribe: { 'a.*': ({ context, peer, name }) => context.user === peer.context.user && name === 'a' },
        // @ts-expect-error: no such field
        publish: ({ context }) => context.name === 'ann',
        history: async () => Promise.resolve(true),
        // @ts-expect-error: a rule says yes or no
        listen: () => 'yes'
      },
      rpc: true
    }),
    pubsub({ topics: { 'a.>': { history: { size: 10 } } } })
  ]
})
permissions({
  presence: { enter: true },
  records: { read: { 'a.>': true } },
  rpc: { call: true },
  another: { verb: true }
})
// @ts-expect-error: no such verb
permissions({ pubsub: { subscibe: true } })
// @ts-expect-error: no such verb
permissions({ presence: { join: { '>': true } } })
// @ts-expect-error: no such verb
permissions({ records: { update: () => true } })
// @ts-expect-error: no such verb
permissions({ rpc: { provide: true, invoke: true } })
is<Equal<typeof server.rooms, Rooms>>()
is<Equal<typeof server.permissions, Permissions<Context>>>()
is<Equal<typeof server.pubsub, ServerPubSub>>()
server.on('connection', peer => {
  is<Equal<typeof peer.rooms, PeerRooms>>()
  is<Equal<typeof peer.pubsub, PeerPubSub>>()
  is<Equal<typeof peer.context, Context>>()
  server.permissions.refresh(peer)
  server.permissions.refresh(({ context }) => context.user === 'ann')
  // @ts-expect-error: no such field
  server.permissions.refresh(({ context }) => context.name === 'ann')
  const target = server.rooms('a', 'b').except(peer, 'c')
  is<Equal<typeof target, Target>>()
  is<Equal<ReturnType<typeof target.write>, number>>()
  // @ts-expect-error: a target never changes
  target.size = 1
  // @ts-expect-error: it adds nothing to peers
  void peer.permissions
})
is<Equal<ReturnType<typeof server.permissions.check>, boolean | Promise<boolean>>>()
server.pubsub.subscribe('a', (value, { topic, peer }) => {
  is<Equal<typeof value, unknown>>()
  is<Equal<typeof topic, string>>()
  is<Equal<typeof peer, Peer | undefined>>()
})
server.pubsub.listen('a.*', (topic, signal) => is<Equal<[typeof topic, typeof signal], [string, AbortSignal]>>())
server.pubsub.listen('a.*', () => {}, { patterns: true })
is<Equal<ReturnType<typeof server.pubsub.publish>, number>>()
server.pubsub.publish('a', 1, { reliable: false })
// @ts-expect-error: clients alone have acknowledgements
server.pubsub.publish('a', 1, { ack: true })

const client = connect('http://localhost', { plugins: [pubsub()] })
is<Equal<typeof client.pubsub, PubSub>>()
const subscription = client.pubsub.subscribe('a', (value, message) => {
  is<Equal<typeof value, unknown>>()
  is<Equal<typeof message, Message>>()
})
is<Equal<typeof subscription, Ongoing<Outcome>>>()
is<Equal<Awaited<typeof subscription>, Outcome>>()
const counted = client.pubsub.publish('a', 1, { ack: true })
is<Equal<typeof counted, Promise<number>>>()
const written = client.pubsub.publish('a', 1, { echo: false })
is<Equal<typeof written, boolean>>()
client.pubsub.publish('a')
const dropped = client.pubsub.publish('a', 1, { reliable: false })
is<Equal<typeof dropped, boolean>>()
const listening = client.pubsub.listen('a.*', () => {}, { patterns: true, signal: AbortSignal.abort() })
is<Equal<typeof listening, Ongoing<void>>>()
const looked = client.pubsub.history('a', { since: { epoch: '', offset: 1 } })
is<Equal<typeof looked, Promise<History>>>()
client.pubsub.on('unsubscribe', ({ topic, error }) => {
  is<Equal<[typeof topic, typeof error], [string, AnywireError | undefined]>>()
})
// @ts-expect-error: no such event
client.pubsub.on('publish', () => {})
// @ts-expect-error: a handler
void client.pubsub.subscribe('a')
const page = connect('http://localhost', { plugins: [inBrowsers({ queue: 10 })] })
is<Equal<typeof page.pubsub, PubSub>>()
const half = createServer({ port: 0, plugins: [inBrowsers()] })
// @ts-expect-error: the browser half serves nothing
void half.pubsub
// @ts-expect-error: options of the server
inBrowsers({ topics: {} })
// @ts-expect-error: no such setting
pubsub({ topics: { a: { keep: true } } })

// Nothing leaks any.
is<Equal<IsAny<typeof client.pubsub>, false>>()
is<Equal<IsAny<typeof server.pubsub>, false>>()
is<Equal<IsAny<typeof server.rooms>, false>>()
is<Equal<IsAny<typeof server.permissions>, false>>()
is<Equal<IsAny<Awaited<typeof subscription>>, false>>()
