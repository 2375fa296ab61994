import type { Undo } from '../../lib/emitter.ts'
import { AnywireError, textOf } from '../../lib/errors.ts'
import { ERR_OPTION } from '../../lib/failures.ts'
import { isPattern, isWild } from '../../lib/patterns.ts'
import { report } from '../../lib/report.ts'
import { peersOf } from '../../lib/peer-list.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Server } from '../../lib/server/server.ts'
import { checkHandler, checkHistory, checkListen, checkPublish } from './calls.ts'
import { Interests } from './interests.ts'
import type { Interest, Listener, Receiver } from './interests.ts'
import { Keys } from './keys.ts'
import { Log } from './log.ts'
import type { History, HistoryOptions, ListenOptions, Message, Provider } from './message.ts'
import { LIMITS, parseTopics } from './options.ts'
import type { PubSubLimits, PubSubServerOptions } from './options.ts'
import { makeServing } from './serving.ts'
import type { ServerHandler, ServerPublishOptions, ServerPubSub } from './server.ts'
import { box, toMessage, toSkip } from './wire.ts'
import { fill } from '../../lib/given.ts'

/** Over the plugin's own lane; and what may be lost there. */
const LANE = { lane: 'pubsub' }
const LOOSE_LANE = { ...LANE, reliable: false }

/** Passes messages on: from clients and the server, to both. */
export class Hub implements ServerPubSub {
  readonly limits: PubSubLimits
  readonly interests = new Interests()
  readonly log: Log
  readonly keys: Keys
  readonly #server: Server
  readonly #names = new WeakMap<Peer, string>()
  /** The server's own subscribers that are to be called: in order, whatever they publish themselves. */
  #calls: (() => unknown)[] = []
  #calling = false

  constructor(server: Server, { topics = {}, limits }: PubSubServerOptions) {
    this.#server = server
    this.limits = fill(LIMITS, limits)
    this.log = new Log(parseTopics(topics), this.limits)
    this.keys = new Keys(this.limits.keys)
  }

  publish(topic: string, ...value: [value?: unknown, options?: ServerPublishOptions]): number {
    this.#checkTopic(topic)
    checkPublish(...value)
    const { except = [], key, reliable } = value[1] ?? {}
    return this.deliver(topic, box(value), undefined, peersOf(except), key, reliable)
  }

  subscribe(topic: string, handler: ServerHandler): Undo {
    const { epoch } = this.log
    const receiver: Receiver = (packet, peer) => {
      const message = { ...toMessage(packet, epoch), peer }
      this.#call(message.topic, () => handler(message.value, message))
    }
    this.checkName(topic)
    checkHandler('subscribe', handler)
    this.interests.join(topic, receiver, () => {})
    return () => this.interests.leave(topic, receiver)
  }

  listen(pattern: string, provider: Provider, options: ListenOptions = {}): Undo {
    const serving = makeServing(provider, options, (name, run) => this.#call(name, run))
    const listener: Listener = { pattern, start: name => serving.start(name), stop: name => serving.stop(name) }
    this.checkName(pattern)
    checkListen(provider, options)
    this.interests.listen(listener)
    return () => {
      this.interests.unlisten(listener)
      serving.stopAll()
    }
  }

  history(topic: string, options: HistoryOptions = {}): History {
    const { since, limit = 100, reverse = false } = options
    const { epoch } = this.log
    this.#checkTopic(topic)
    checkHistory(options)
    const [entries, complete] = this.log.page(topic, since?.epoch ?? '', since?.offset ?? -1, limit, reverse)
    return { epoch, messages: entries.map(({ packet }) => toMessage(packet, epoch)), complete }
  }

  retained(topic: string): Message | undefined {
    this.#checkTopic(topic)
    const entry = this.log.topic(topic)?.retained
    return entry && toMessage(entry.packet, this.log.epoch, true)
  }

  subscribers(topic: string): number {
    this.checkName(topic)
    const found = this.interests.of(topic)
    return recipients(found, []).size + found.reduce((sum, { receivers }) => sum + receivers.size, 0)
  }

  /** What the client of a peer calls itself, also in its next sessions: that is how it is left out of history. */
  name(peer: Peer, client: string): void {
    if (client.length <= this.limits.length) this.#names.set(peer, client)
  }

  /** Forgets what is too old. */
  sweep(): void {
    this.log.sweep()
    this.keys.sweep()
  }

  isTopic(name: unknown): name is string {
    return this.isName(name) && !isWild(name)
  }

  isName(name: unknown): name is string {
    return isPattern(name, this.limits.length)
  }

  /** Whether the rate of a topic allows one message more. */
  takes(topic: string): boolean {
    return this.log.open(topic)?.allows(performance.now()) ?? true
  }

  /** @throws ERR_OPTION */
  checkName(name: string): void {
    if (!this.isName(name)) throw new AnywireError(ERR_OPTION, `'${textOf(name)}' is no topic or pattern`)
  }

  /**
   * Passes a message on.
   * @param from - who published it, if not the server
   * @param except - who does not get it
   * @param reliable - false: it may be lost
   */
  deliver(
    topic: string,
    value: readonly unknown[],
    from: Peer | undefined,
    except: readonly Peer[],
    key?: string,
    reliable = true
  ): number {
    const { length } = this.limits
    if (key !== undefined && key.length > length) throw new AnywireError(ERR_OPTION, `${length} characters in a key`)
    const known = key === undefined ? undefined : this.keys.get(`${topic}\0${key}`)
    if (known !== undefined) return known
    const packet = this.log.add(
      topic,
      value,
      except.flatMap(peer => this.#names.get(peer) ?? []),
      reliable
    )
    const interests = this.interests.of(topic)
    let count = 0
    for (const { receivers } of interests) {
      for (const receiver of receivers) {
        count++
        // It may have gone meanwhile.
        this.#calls.push(() => receivers.has(receiver) && receiver(packet, from))
      }
    }
    try {
      count += this.#server.multicast(recipients(interests, except), packet, reliable ? LANE : LOOSE_LANE)
      const left = packet[1] ? except.filter(peer => interests.some(({ peers }) => peers.has(peer))) : []
      if (left.length) this.#server.multicast(left, [0, ...toSkip(packet)], LANE)
    } finally {
      if (key !== undefined) this.keys.set(`${topic}\0${key}`, count, from?.id ?? '')
      this.#callAll()
    }
    return count
  }

  #checkTopic(topic: string): void {
    if (!this.isTopic(topic)) throw new AnywireError(ERR_OPTION, `'${textOf(topic)}' is no topic`)
  }

  #callAll(): void {
    if (this.#calling) return
    this.#calling = true
    for (let call = this.#calls.shift(); call; call = this.#calls.shift()) call()
    this.#calling = false
  }

  /** What the application's functions throw, or reject with, is reported. */
  #call(topic: string, call: () => unknown): void {
    const fail = (error: unknown): void => report(this.#server, error, `pubsub ${topic}`)
    try {
      const result = call()
      if (result instanceof Promise) result.catch(fail)
    } catch (error) {
      fail(error)
    }
  }
}

/** Each peer once. Where there is one interest and nobody to leave out, that is a set which is there already. */
const recipients = ([first, ...more]: readonly Interest[], except: readonly Peer[]): ReadonlySet<Peer> => {
  if (first && !more.length && !except.length) return first.peers
  const peers = new Set(first?.peers)
  for (const interest of more) for (const peer of interest.peers) peers.add(peer)
  for (const peer of except) peers.delete(peer)
  return peers
}
