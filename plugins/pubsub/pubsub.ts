import type { Listenable } from '../../lib/connection.ts'
import type { Pattern, Topic, ValueOf } from './topics.ts'
import type {
  Handler,
  History,
  HistoryOptions,
  ListenOptions,
  Message,
  Ongoing,
  Outcome,
  Provider,
  Refusal
} from './message.ts'

export interface PubSubClientOptions {
  /** Messages that may be published while there is no wire. Default 10,000. */
  readonly queue?: number | undefined
}

export interface OngoingOptions {
  /** Ends it when it is aborted. */
  readonly signal?: AbortSignal | undefined
}

export interface PublishOptions {
  /** Whether the promise of how many received it is wanted. Default false. */
  readonly ack?: boolean | undefined
  /** Whether the publisher gets it too, where it is subscribed. Default true. */
  readonly echo?: boolean | undefined
  /** Of two messages to one topic with the same key, the second one reaches nobody. */
  readonly key?: string | undefined
  /** False: it may be lost, as with `write` of a connection, and waits neither for a wire nor for slow readers. Default true. */
  readonly reliable?: boolean | undefined
}

export interface PubSubEvents {
  /** A message arrived, for whichever subscription of this client or one that the server made. */
  message: [message: Message]
  /** The server has a subscription: it was asked for, or the session is a new one. */
  subscribe: [subscribed: Outcome & { readonly topic: string }]
  /** The server ended a subscription, or did not make it. */
  unsubscribe: [ended: Refusal]
  /** What was published reached nobody, and nobody waited for its `ack`. Without a listener it is an `error` of the client. */
  refuse: [refused: Refusal]
  /** Messages of a topic with history did not arrive, those with these offsets. */
  gap: [gap: { readonly topic: string; readonly from: number; readonly to: number }]
}

/** `client.pubsub`. `T`: what is published, by topic or pattern; unknown: anything. */
export interface PubSub<T = unknown> extends Listenable<PubSubEvents> {
  /**
   * Has a handler called for each message of a topic, or of all that a pattern stands for, in this session and in those that follow.
   * @returns resolves when the server has it. Rejects with ERR_DENIED, ERR_LIMIT, ERR_OPTION for what is no topic,
   * ERR_CANCELLED when it was ended before, or ERR_CLOSED when the client was; that nobody waits for it does no harm
   */
  subscribe<const N extends string>(
    topic: Pattern<T, N>,
    handler: Handler<ValueOf<T, N>>,
    options?: OngoingOptions
  ): Ongoing<Outcome>
  /**
   * Publishes a value, or none. Without a wire it waits for one.
   * @returns with `ack` how many received it, or a rejection as `subscribe` has it; otherwise as `write` of a connection
   * @throws without `ack`: ERR_OPTION for what is no topic, ERR_ENCODE, ERR_TOO_LARGE; ERR_LIMIT when too many wait
   */
  publish<const N extends string>(
    topic: Topic<T, N>,
    value: ValueOf<T, N>,
    options: PublishOptions & { readonly ack: true }
  ): Promise<number>
  publish<const N extends string>(
    topic: Topic<T, N>,
    ...value: [value?: ValueOf<T, N>, options?: PublishOptions]
  ): boolean
  /** The messages that the server still has of a topic. Rejects as `subscribe` does. */
  history<const N extends string>(topic: Topic<T, N>, options?: HistoryOptions): Promise<History<ValueOf<T, N>>>
  /** Calls a provider for each topic under a pattern that has subscribers, while it has. Rejects as `subscribe` does. */
  listen(pattern: string, provider: Provider, options?: ListenOptions & OngoingOptions): Ongoing<void>
}
