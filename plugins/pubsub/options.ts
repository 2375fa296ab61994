import { AnywireError } from '../../lib/errors.ts'
import { ERR_OPTION } from '../../lib/failures.ts'
import { amount, checkPattern, checkPartOptions, flag, object } from '../../lib/option-rules.ts'
import type { OptionRules } from '../../lib/option-rules.ts'
import { isPattern, Patterns } from '../../lib/patterns.ts'
import type { Given } from '../../lib/given.ts'

/** What the server keeps of topics, and allows for them. */
export interface TopicOptions {
  /**
   * Messages that are kept for those who come back, and who ask: so many, each for so many milliseconds. Default: none;
   * `ttl`: Infinity.
   */
  readonly history?: { readonly size: number; readonly ttl?: number | undefined } | undefined
  /** Whether the last value is kept for those who subscribe later; publishing no value forgets it. Default false. */
  readonly retain?: boolean | undefined
  /** Messages of clients to one topic: so many a second, and so many at once. Past it they fail with ERR_RATE. Default: any. */
  readonly rate?: { readonly second: number; readonly burst: number } | undefined
}

export interface PubSubServerOptions {
  /** By pattern; the most specific one counts. */
  readonly topics?: Readonly<Record<string, TopicOptions>> | undefined
  readonly limits?: Given<PubSubLimits> | undefined
}

export interface PubSubLimits {
  /** Characters in a topic or pattern. Default 256. */
  readonly length: number
  /** Subscriptions of one client, and names that it listens to. Default 1,000. */
  readonly subscriptions: number
  /** Items of one client whose permission is awaited. Default 1,000. */
  readonly pending: number
  /** Messages that one subscription catches up with; past it they are missed. And of one look into a history. Default 1,000. */
  readonly messages: number
  /** Topics of which something is kept; past it the one that was published to longest ago is forgotten. Default 100,000. */
  readonly topics: number
  /** Bytes of all that is kept, about as many as it has as JSON text; past it topics are forgotten in the same way. Default 268,435,456 (256 MiB). */
  readonly bytes: number
  /** Keys of messages that are remembered, each for five minutes; past it the oldest of whoever has most is forgotten. Default 100,000. */
  readonly keys: number
}

export const LIMITS: PubSubLimits = {
  length: 256,
  subscriptions: 1_000,
  pending: 1_000,
  messages: 1_000,
  topics: 100_000,
  bytes: 268_435_456,
  keys: 100_000
}

/** The options of the topics under a pattern. */
export interface Settings {
  readonly pattern: string
  readonly size: number
  readonly ttl: number
  readonly retain: boolean
  readonly rate: TopicOptions['rate']
}

const TOPIC: OptionRules<TopicOptions> = {
  history: { size: amount(0), ttl: amount(0) },
  retain: flag,
  rate: { second: amount(0), burst: amount(1) }
}

export const RULES: OptionRules<PubSubServerOptions> = {
  topics: object,
  limits: {
    length: amount(1),
    subscriptions: amount(0),
    pending: amount(0),
    messages: amount(0),
    topics: amount(0),
    keys: amount(0),
    bytes: amount(0)
  }
}

/** @throws ERR_OPTION for what is no pattern, and for wrong options of one */
export const parseTopics = (topics: Readonly<Record<string, TopicOptions>>): Patterns<Settings> => {
  const patterns = new Patterns<Settings>()
  for (const [pattern, options] of Object.entries(topics)) {
    checkPattern("'topics' of 'pubsub'", pattern)
    if (!isPattern(pattern, Infinity)) throw new AnywireError(ERR_OPTION, `'${pattern}' is no pattern of topics`)
    checkPartOptions('pubsub', options, TOPIC, `topics.${pattern}.`)
    const { history, retain = false, rate } = options
    patterns.set(pattern, { pattern, size: history?.size ?? 0, ttl: history?.ttl ?? Infinity, retain, rate })
  }
  return patterns
}
