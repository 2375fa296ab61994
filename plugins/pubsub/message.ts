import type { Undo } from '../../lib/emitter.ts'
import type { AnywireError } from '../../lib/errors.ts'

/** What was published. */
export interface Message<Value = unknown> {
  readonly topic: string
  /** Undefined, and not there at all, when it was published without a value, whatever its type says. */
  readonly value: Value
  /** Which message of its topic it is; 0 where the topic has no history. */
  readonly offset: number
  /** Names the history that the offset is of. Another one begins when the server is restarted. */
  readonly epoch: string
  /** Whether it was published before, and is the topic's last value. */
  readonly retained: boolean
}

/** Is called for each message of a subscription. */
export type Handler<Value = unknown> = (value: Value, message: Message<Value>) => unknown

/** A place in a topic's history; a message is one. */
export type Position = Pick<Message, 'epoch' | 'offset'>

/** What came of a subscription. */
export interface Outcome {
  /** It was there before, in a session that was lost, and everything that was published meanwhile has arrived. */
  readonly recovered: boolean
  /** It was there before, and something may have been published meanwhile that does not arrive. */
  readonly missed: boolean
}

export interface HistoryOptions {
  /** Only what came behind this place. */
  readonly since?: Position | undefined
  /** Messages at most. Default 100. */
  readonly limit?: number | undefined
  /** The last ones first. Default false. */
  readonly reverse?: boolean | undefined
}

/** A part of a topic's history. */
export interface History<Value = unknown> {
  readonly epoch: string
  readonly messages: readonly Message<Value>[]
  /** Whether everything since the place that was asked for is still there. Without a place: whether anything was ever forgotten. */
  readonly complete: boolean
}

/** Serves a topic while somebody is subscribed to it: until the signal says otherwise. */
export type Provider = (topic: string, signal: AbortSignal) => unknown

export interface ListenOptions {
  /**
   * Whether the provider is also told the patterns that somebody is subscribed to, which cannot be published to: those that
   * stand for no more than its own. Default false.
   */
  readonly patterns?: boolean | undefined
}

/** What goes on until it is ended, and a promise of how it began. */
export interface Ongoing<T> extends Promise<T> {
  /** Ends it. Nothing arrives from here on. */
  readonly unsubscribe: Undo
}

/** What the server does not do any more, or has not done, and why. */
export interface Refusal {
  readonly topic: string
  /** Undefined: the server's application ended it. */
  readonly error: AnywireError | undefined
}
