import { AnywireError } from '../../lib/errors.ts'
import type { Failure } from '../../lib/errors.ts'
import {
  ERR_CLOSED,
  ERR_DENIED,
  ERR_LIMIT,
  ERR_OPTION,
  ERR_PROTOCOL,
  ERR_RATE,
  ERR_SERVER
} from '../../lib/failures.ts'
import { isCount } from '../../lib/handshake.ts'
import type { Lane } from '../../lib/lane.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Permissions } from '../permissions/index.ts'
import type { Hub } from './hub.ts'
import type { Listener } from './interests.ts'
import { isItem, lookOf, placeOf, publicationOf } from './item.ts'
import type { Item, Look, Publication } from './item.ts'
import { Line } from './line.ts'
import type { PeerPubSub } from './server.ts'
import {
  DONE,
  FAILED,
  HISTORY,
  LISTEN,
  MISSED,
  MOST_ITEMS,
  NEW,
  PUBLISH,
  RECOVERED,
  START,
  STOP,
  SUBSCRIBE,
  unbox,
  UNLISTEN,
  toText,
  UNSUBSCRIBE
} from './wire.ts'

/** Whether the client asked for a subscription, and so is asked for permission again. */
interface Subscription {
  asked: boolean
}

/** What one client does. Each item succeeds or fails by itself; those about one name are worked on in order. */
export class Subscriber implements PeerPubSub {
  readonly #hub: Hub
  readonly #peer: Peer
  readonly #lane: Lane
  readonly #permissions: Permissions | undefined
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #listeners = new Map<number, Listener>()
  readonly #line: Line
  #ended = false
  /** How often permissions have changed: what was allowed before is asked again. */
  #changes = 0

  constructor(hub: Hub, peer: Peer, lane: Lane, permissions: Permissions | undefined) {
    this.#hub = hub
    this.#peer = peer
    this.#lane = lane
    this.#permissions = permissions
    this.#line = new Line(hub.limits.pending)
  }

  get size(): number {
    return this.#subscriptions.size
  }

  [Symbol.iterator](): Iterator<string> {
    return this.#subscriptions.keys()
  }

  has(topic: string): boolean {
    return this.#subscriptions.has(topic)
  }

  subscribe(topic: string): boolean {
    this.#hub.checkName(topic)
    if (!this.#lane.connected || this.#ended) return false
    this.#join(topic, false, () => {})
    return true
  }

  unsubscribe(topic: string): void {
    if (this.#leave(topic)) this.#write([0, topic])
  }

  /** Works on what a client asks for. */
  receive(items: unknown): void {
    if (!Array.isArray(items)) return
    for (const item of items.slice(0, MOST_ITEMS)) {
      if (isItem(item)) this.#handle(item)
    }
  }

  /** Asks again for permission of everything that goes on. */
  refresh(): void {
    this.#changes++
    for (const [name, subscription] of this.#subscriptions) {
      if (!subscription.asked) continue
      void after(this.#allows('subscribe', name), allowed => {
        if (allowed || this.#subscriptions.get(name) !== subscription || !this.#leave(name)) return
        this.#write([0, name, ERR_DENIED[0], `${ERR_DENIED[2]}: 'subscribe' of '${name}'`])
      })
    }
    for (const [id, listener] of this.#listeners) {
      void after(this.#allows('listen', listener.pattern), allowed => {
        if (allowed || this.#listeners.get(id) !== listener) return
        this.#unlisten(id)
        this.#fail([LISTEN, id, listener.pattern], ERR_DENIED, `'listen' of '${listener.pattern}'`)
      })
    }
  }

  /** The connection is over. */
  end(): void {
    this.#ended = true
    for (const name of this) this.#leave(name)
    for (const id of this.#listeners.keys()) this.#unlisten(id)
  }

  #handle(item: Item): void {
    const [kind, , name, other] = item
    if (kind === UNSUBSCRIBE) {
      this.#line.cut(name)
      this.#leave(name)
    } else if (kind === UNLISTEN) {
      if (!isCount(other)) return
      this.#line.cut(lineOf(other))
      this.#unlisten(other)
    } else this.#ask(item)
  }

  /** Does what needs permission. */
  #ask(item: Item): void {
    const [kind, id, name] = item
    const wild = kind === SUBSCRIBE || kind === LISTEN
    if (!(wild ? this.#hub.isName(name) : this.#hub.isTopic(name))) return this.#fail(item, ERR_OPTION, `'${name}'`)
    if (this.#line.full) return this.#fail(item, ERR_LIMIT, 'too much is asked for at the same time')
    this.#line.add(kind === LISTEN ? lineOf(id) : name, current => this.#work(item, current))
  }

  #work(item: Item, current: () => boolean): void | Promise<void> {
    const [kind, id, name] = item
    const then = (verb: string, act: () => void, value?: unknown, previous?: unknown): void | Promise<void> =>
      after(this.#allows(verb, name, value, previous), allowed => {
        if (!allowed) this.#fail(item, ERR_DENIED, `'${verb}' of '${name}'`)
        else if (!current()) this.#fail(item, ERR_CLOSED)
        else act()
      })
    if (kind === SUBSCRIBE) {
      return then('subscribe', () => {
        if (this.#isFull(this.has(name))) this.#fail(item, ERR_LIMIT, 'of subscriptions')
        else if (!this.#ended) this.#join(name, true, () => this.#catchUp(item))
      })
    }
    if (kind === LISTEN) {
      return then('listen', () => {
        if (this.#isFull(this.#listeners.has(id))) this.#fail(item, ERR_LIMIT, 'of subscriptions')
        else if (!this.#ended) this.#listen(id, name)
      })
    }
    if (kind === HISTORY) {
      const look = lookOf(item)
      if (look) return then('history', () => this.#tell(item, look))
    }
    if (kind === PUBLISH) {
      const publication = publicationOf(item, this.#hub.limits.length)
      const value = unbox(publication?.value ?? [])
      const previous = this.#hub.retained(name)?.value
      if (publication) return then('publish', () => this.#publish(item, publication), value, previous)
    }
    return this.#fail(item, ERR_PROTOCOL)
  }

  #publish(item: Item, { client, key, value }: Publication): void {
    const [, id, topic] = item
    if (!this.#hub.takes(topic)) return this.#fail(item, ERR_RATE, `for '${topic}'`)
    try {
      if (client) this.#hub.name(this.#peer, client)
      const count = this.#hub.deliver(topic, value, this.#peer, client ? [this.#peer] : [], key)
      if (id) this.#write([id, DONE, count])
    } catch (error) {
      this.#fail(item, error instanceof AnywireError ? [error.code, 0, error.message] : ERR_SERVER)
    }
  }

  /** Tells a new subscription what it has missed, or what is retained. Messages that come from here on are behind that. */
  #catchUp(item: Item): void {
    const [, id, name, , , client] = item
    const { log } = this.#hub
    const place = placeOf(item)
    this.#hub.name(this.#peer, toText(client))
    const entries = place && log.since(name, place)
    let state = entries ? RECOVERED : place ? MISSED : NEW
    for (const { packet, except } of entries ?? []) {
      if (!except.includes(toText(client)) && !this.#write([id, packet, log.epoch, 0])) state = MISSED
    }
    if (!entries) for (const { packet } of log.retained(name)) this.#write([id, packet, log.epoch, 1])
    this.#write([id, DONE, state, log.epoch, log.sequence])
  }

  #tell([, id, topic]: Item, { epoch, offset, limit, reverse }: Look): void {
    const { log } = this.#hub
    const [entries, complete] = log.page(topic, epoch, offset, limit, reverse)
    for (const { packet } of entries) this.#write([id, packet, log.epoch, 0])
    this.#write([id, DONE, log.epoch, complete])
  }

  #listen(id: number, pattern: string): void {
    const listener: Listener = {
      pattern,
      start: name => this.#write([id, START, name]),
      stop: name => this.#write([id, STOP, name])
    }
    this.#unlisten(id)
    this.#listeners.set(id, listener)
    this.#write([id, DONE])
    this.#hub.interests.listen(listener)
  }

  #unlisten(id: number): void {
    const listener = this.#listeners.get(id)
    if (!listener) return
    this.#listeners.delete(id)
    this.#hub.interests.unlisten(listener)
  }

  #join(name: string, asked: boolean, joined: () => void): void {
    const known = this.#subscriptions.get(name)
    if (!known) {
      this.#subscriptions.set(name, { asked })
      return this.#hub.interests.join(name, this.#peer, joined)
    }
    known.asked ||= asked
    joined()
  }

  /** Returns whether there was such a subscription. */
  #leave(name: string): boolean {
    if (!this.#subscriptions.delete(name)) return false
    this.#hub.interests.leave(name, this.#peer)
    return true
  }

  /** Whether there is no room for one more; what is there already needs none. */
  #isFull(known: boolean): boolean {
    return !known && this.size + this.#listeners.size >= this.#hub.limits.subscriptions
  }

  #allows(verb: string, name: string, value?: unknown, previous?: unknown): boolean | Promise<boolean> {
    const changes = this.#changes
    const request = { peer: this.#peer, plugin: 'pubsub', verb, name, value, previous }
    const allowed = this.#permissions?.check(request) ?? true
    if (!(allowed instanceof Promise)) return allowed
    // What was answered before the permissions changed does not count any more.
    return allowed.then(allowed =>
      allowed && changes !== this.#changes ? this.#allows(verb, name, value, previous) : allowed
    )
  }

  #fail([kind, id, name]: Item, [code, , message]: Failure, hint = ''): void {
    const text = hint ? `${message}: ${hint}` : message
    if (id) this.#write([id, FAILED, code, text])
    else if (kind === PUBLISH) this.#write([-1, name, code, text])
  }

  /** Returns whether the client will get it. */
  #write(packet: readonly unknown[]): boolean {
    if (this.#ended) return false
    try {
      this.#lane.write(packet)
      return true
    } catch {
      // This client's parser does not carry what somebody published, or it is too large by a few bytes.
      return false
    }
  }
}

/** No topic begins with a dot. */
const lineOf = (id: number): string => `.${id}`

const after = (answer: boolean | Promise<boolean>, then: (answer: boolean) => void): void | Promise<void> =>
  answer instanceof Promise ? answer.then(then) : then(answer)
