import type { Undo } from '../../lib/emitter.ts'
import type { PeerOrPeers } from '../../lib/peer-list.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Pattern, Topic, Typed, ValueOf } from './topics.ts'
import type { History, HistoryOptions, ListenOptions, Message, Provider } from './message.ts'

/** A message as the server's own subscribers get it. */
export interface ServerMessage<Value = unknown> extends Message<Value> {
  /** Who published it; undefined: the server. */
  readonly peer: Peer | undefined
}

export type ServerHandler<Value = unknown> = (value: Value, message: ServerMessage<Value>) => unknown

export interface ServerPublishOptions {
  /** Peers that do not get it. */
  readonly except?: PeerOrPeers | undefined
  /** Of two messages to one topic with the same key, the second one reaches nobody. */
  readonly key?: string | undefined
  /** False: it may be lost, and is dropped rather than queued for who reads slowly. Default true. */
  readonly reliable?: boolean | undefined
}

/** `server.pubsub`: what clients can do, without a connection and without permissions. `T`: what is published, by topic or pattern. */
export interface ServerPubSub<T = unknown> extends Typed<T> {
  /**
   * Publishes a value, or none.
   * @returns how many subscribers receive it: clients, those included that are away, and handlers on the server
   * @throws ERR_OPTION for what is no topic. ERR_ENCODE where the parser of a subscriber does not carry it: those of other parsers
   * get it, and it is kept for them
   */
  publish<const N extends string>(
    topic: Topic<T, N>,
    ...value: [value?: ValueOf<T, N>, options?: ServerPublishOptions]
  ): number
  /** Calls a handler for each message of a topic or pattern. */
  subscribe<const N extends string>(topic: Pattern<T, N>, handler: ServerHandler<ValueOf<T, N>>): Undo
  /** Calls a provider for each topic under a pattern that has subscribers, while it has. */
  listen(pattern: string, provider: Provider, options?: ListenOptions): Undo
  /** @throws ERR_OPTION for what is no topic */
  history<const N extends string>(topic: Topic<T, N>, options?: HistoryOptions): History<ValueOf<T, N>>
  /**
   * The retained message of a topic. One of null or undefined has that value; undefined itself: there is none.
   * @throws ERR_OPTION for what is no topic
   */
  retained<const N extends string>(topic: Topic<T, N>): Message<ValueOf<T, N>> | undefined
  /** How many would receive a message of a topic. */
  subscribers(topic: string): number
}

/** `peer.pubsub`: the subscriptions of a peer, by name. */
export interface PeerPubSub extends Iterable<string> {
  readonly size: number
  has(topic: string): boolean
  /**
   * Subscribes the client, whatever permissions say, for as long as its session lasts. Its `message` event tells what arrives.
   * @returns false: the client has not the plugin, or has ended
   * @throws ERR_OPTION for what is no topic
   */
  subscribe(topic: string): boolean
  /** Ends a subscription, whoever made it; the client is told. */
  unsubscribe(topic: string): void
}
