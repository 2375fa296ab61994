import type { Lane } from '../../lib/lane.ts'
import type { During } from '../../lib/plugin.ts'
import { packetsOf } from '../../lib/requests.ts'
import type { Peer } from '../../lib/server/peer.ts'
import { amount, checkPartOptions } from '../../lib/option-rules.ts'
import { hasRoom } from '../../lib/server/room.ts'
import type { Server } from '../../lib/server/server.ts'
import { takes } from '../../lib/server/takes.ts'
import type { Permissions } from '../permissions/index.ts'
import { checked } from './calls.ts'
import { pubsub as base } from './client.ts'
import type { PubSubClientPlugin } from './client.ts'
import { Hub } from './hub.ts'
import { RULES } from './options.ts'
import type { PubSubServerOptions } from './options.ts'
import type { PubSubClientOptions } from './pubsub.ts'
import type { PeerPubSub, ServerPubSub } from './server.ts'
import { Subscriber } from './subscriber.ts'
import type { TopicsOf } from './topics.ts'

export interface PubSubOptions extends PubSubClientOptions, PubSubServerOptions {}

/** How often what is too old is forgotten, in milliseconds. */
const SWEEP = 10_000

type Host = Server & { readonly permissions?: Permissions }

/** What one server has of it. */
interface Installation {
  readonly hub: Hub
  readonly subscribers: WeakMap<object, Subscriber>
}

/** What `pubsub` makes, both halves. */
export interface PubSubPlugin<T = unknown> extends PubSubClientPlugin<T> {
  readonly verbs: readonly ['subscribe', 'publish', 'history', 'listen']
  server(server: Host, during: During): ServerPubSub<TopicsOf<T>>
  peer(peer: Peer, lane: Lane, server: Host, during: During): PeerPubSub | undefined
}

/**
 * Publish and subscribe: topics with wildcards, history and catch-up.
 * @throws ERR_OPTION
 * @example
 * createServer(http, { plugins: [pubsub({ topics: { 'news.>': { history: { size: 100 } } } })] })
 * await connect(url, { plugins: [pubsub()] }).pubsub.subscribe('news.*', value => console.log(value))
 *
 * pubsub<{ 'news.*': News; 'ticker.>': number }>() // what is published; for clients also pubsub<typeof server>()
 */
export const pubsub = <T = unknown>(options: PubSubOptions = {}): PubSubPlugin<T> => {
  checkPartOptions('pubsub', options, { ...RULES, queue: amount(0) })
  const installations = new WeakMap<Server, Installation>()
  const half = base<T>(options)
  return {
    ...half,
    client: (client, lane, during) => checked(half.client(client, lane, during)),
    verbs: ['subscribe', 'publish', 'history', 'listen'],
    server(server: Host, during): ServerPubSub<TopicsOf<T>> {
      const hub = new Hub(server, options)
      const subscribers = new WeakMap<object, Subscriber>()
      installations.set(server, { hub, subscribers })
      server.permissions?.on('refresh', peers => {
        for (const peer of peers) subscribers.get(peer)?.refresh()
      })
      during(() => {
        const timer = setInterval(() => hub.sweep(), SWEEP)
        timer.unref()
        return () => clearInterval(timer)
      })
      // What is published is a promise of whoever named the types.
      const made: object = hub
      return made as ServerPubSub<TopicsOf<T>>
    },
    peer(peer, lane, server: Host, during): PeerPubSub | undefined {
      const installation = installations.get(server)
      if (!installation) return undefined
      const subscriber = new Subscriber(installation.hub, peer, lane, server.permissions, () => hasRoom(peer))
      installation.subscribers.set(peer, subscriber)
      lane.on('data', value => {
        const items = packetsOf(value)
        if (takes(peer, items.length)) subscriber.receive(items)
      })
      during(() => () => subscriber.end())
      return subscriber
    }
  }
}

export type { PubSubClientPlugin } from './client.ts'
export type * from './message.ts'
export type { PubSubLimits, PubSubServerOptions, TopicOptions } from './options.ts'
export type { OngoingOptions, PublishOptions, PubSub, PubSubClientOptions, PubSubEvents } from './pubsub.ts'
export type { PeerPubSub, ServerHandler, ServerMessage, ServerPublishOptions, ServerPubSub } from './server.ts'
export type { Pattern, Topic, TopicsOf, Typed, ValueOf } from './topics.ts'
export type * from '../../lib/server/types.ts'
