import { govern, isWild, Patterns } from '../../lib/patterns.ts'
import { weigh } from '../../lib/weigh.ts'
import type { PubSubLimits, Settings } from './options.ts'
import { offsetOf, sequenceOf, Topic } from './topic.ts'
import type { Entry, Kept } from './topic.ts'
import type { MessagePacket } from './wire.ts'

/** Where a subscription was. */
export interface Place {
  readonly epoch: string
  readonly sequence: number
}

/** What is kept of messages, of all topics. */
export class Log {
  /** Tells this log from that of another process. */
  readonly epoch = crypto.randomUUID().slice(0, 8)
  /** Of the last message that was kept. One count for all topics: so a client says with one number what it has. */
  sequence = 0
  readonly #settings: Patterns<Settings>
  readonly #limits: PubSubLimits
  /** The one that was published to longest ago is the first. */
  readonly #topics = new Map<string, Topic>()
  readonly #names = new Patterns<Topic>()
  readonly #kept: Kept = { weight: 0 }
  /** Up to here there may have been messages of topics that are forgotten. */
  #forgotten = 0

  constructor(settings: Patterns<Settings>, limits: PubSubLimits) {
    this.#settings = settings
    this.#limits = limits
  }

  /** What is kept of a topic, if anything. */
  topic(name: string): Topic | undefined {
    return this.#topics.get(name)
  }

  /** The same, made where it should be there: for a message that is about to come. */
  open(name: string): Topic | undefined {
    const known = this.#topics.get(name)
    const settings = known?.settings ?? govern(this.#settings, name)[0]
    if (!settings) return undefined
    // Offsets of a topic that was forgotten are not used again.
    const topic =
      known ??
      new Topic(name, settings, this.#kept, this.#forgotten, this.#forgotten && this.sequence, performance.now())
    this.#topics.delete(name)
    this.#topics.set(name, topic)
    if (!known) this.#names.set(name, topic)
    // What is added to one that is forgotten would count for ever.
    if (this.#topics.size > Math.max(1, this.#limits.topics)) this.#forgetOldest()
    return topic
  }

  /**
   * Makes the packet of a message, and keeps what is to be kept.
   * @param reliable - false: it may be lost, so nobody misses it, and it has no place in the history
   */
  add(name: string, value: readonly unknown[], except: readonly string[], reliable: boolean): MessagePacket {
    const topic = this.open(name)
    if (!topic || !(topic.settings.size || topic.settings.retain)) return [name, 0, 0, ...value]
    const isNumbered = topic.settings.size && reliable
    const packet: MessagePacket = isNumbered
      ? [name, ++this.sequence, ++topic.offset, ...value]
      : [name, 0, 0, ...value]
    const { bytes } = this.#limits
    topic.add({ packet, time: performance.now(), except, weight: weigh(packet, bytes) })
    while (this.#kept.weight > bytes) this.#forgetOldest()
    return packet
  }

  /** The last values of the topics that a name stands for, one more at most than a subscription may catch up with. */
  retained(name: string): Entry[] {
    const entries: Entry[] = []
    if (!govern(this.#settings, name).some(settings => settings?.retain)) return entries
    this.#names.some(name, ({ retained }) => !!retained && entries.push(retained) > this.#limits.messages)
    return entries
  }

  /** Everything under a name since a place. Undefined: something may be missing, or it is too much. */
  since(name: string, { epoch, sequence }: Place): Entry[] | undefined {
    const known = epoch === this.epoch && sequence <= this.sequence
    const { messages } = this.#limits
    if (!known || govern(this.#settings, name).some(settings => !settings?.size)) return undefined
    if ((isWild(name) || !this.#topics.has(name)) && this.#forgotten > sequence) return undefined
    const now = performance.now()
    const found: Entry[] = []
    const failed = this.#names.some(name, topic => {
      for (const entry of topic.since(sequence, now).slice(0, messages + 1)) found.push(entry)
      return topic.gone > sequence || found.length > messages
    })
    return failed ? undefined : found.sort((one, other) => sequenceOf(one) - sequenceOf(other))
  }

  /** A part of the history of a topic. */
  page(name: string, epoch: string, offset: number, limit: number, reverse: boolean): readonly [Entry[], boolean] {
    const topic = this.#topics.get(name)
    const all = topic?.entries(performance.now()) ?? []
    const known = offset < 0 || (epoch === this.epoch && offset <= (topic?.offset ?? 0))
    // What is kept of a topic has no gaps.
    const first = known && all[0] ? Math.max(0, offset + 1 - offsetOf(all[0])) : 0
    const count = Math.min(limit, this.#limits.messages)
    const page = reverse ? all.slice(Math.max(first, all.length - count)).reverse() : all.slice(first, first + count)
    const complete =
      known && govern(this.#settings, name)[0]?.size
        ? (topic?.goneOffset ?? this.#forgotten) <= Math.max(0, offset)
        : false
    return [page, complete]
  }

  /** Forgets what is too old. */
  sweep(): void {
    const now = performance.now()
    for (const topic of this.#topics.values()) topic.entries(now)
  }

  #forgetOldest(): void {
    for (const [name, topic] of this.#topics) {
      const last = topic.entries(-Infinity).at(-1)
      this.#forgotten = Math.max(this.#forgotten, topic.gone, last ? sequenceOf(last) : 0)
      topic.clear()
      this.#topics.delete(name)
      this.#names.delete(name)
      return
    }
  }
}
