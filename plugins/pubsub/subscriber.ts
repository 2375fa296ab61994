import { AnywireError } from '../../lib/errors.ts'
import type { Failure } from '../../lib/errors.ts'
import { ERR_DENIED, ERR_LIMIT, ERR_OPTION, ERR_PROTOCOL, ERR_RATE, ERR_SERVER } from '../../lib/failures.ts'
import { isCount } from '../../lib/handshake.ts'
import type { Lane } from '../../lib/lane.ts'
import { covers } from '../../lib/patterns.ts'
import { Answers } from '../../lib/asked-again.ts'
import type { Fate } from '../../lib/asked-again.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Permissions } from '../permissions/index.ts'
import type { Hub } from './hub.ts'
import { isItem, lookOf, placeOf, publicationOf } from './item.ts'
import type { Item, Publication } from './item.ts'
import { Line } from './line.ts'
import { Listening } from './listening.ts'
import type { PeerPubSub } from './server.ts'
import type { Place } from './log.ts'
import { Teller } from './teller.ts'
import { HISTORY, LISTEN, LOOSE, PUBLISH, SUBSCRIBE, toText, unbox } from './wire.ts'

/** How many requests may share subscriptions, as a multiple of these. */
const SHARED = 10

/** A subscription, and who wants it. */
interface Subscription {
  /** The requests of the client. */
  readonly ids: Set<number>
  /** Whether the server's application made it, which needs no permission. */
  own: boolean
  /** From where on nothing was delivered, as it waits for an answer; undefined: it does not. */
  since: Place | undefined
}

/** What one client does. Each item succeeds or fails by itself; those about one name are worked on in order. */
export class Subscriber implements PeerPubSub {
  readonly #hub: Hub
  readonly #peer: Peer
  readonly #lane: Lane
  readonly #permissions: Permissions | undefined
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #listenings = new Map<number, Listening>()
  /** The names of requests that go on, or will when they are allowed. */
  readonly #names = new Map<number, string>()
  readonly #line: Line
  #ended = false
  readonly #teller: Teller
  /** How often permissions have changed: what was allowed before is asked again. */
  #changes = 0
  readonly #answers = new Answers()

  /** @param hasRoom - whether more may wait for the client */
  constructor(hub: Hub, peer: Peer, lane: Lane, permissions: Permissions | undefined, hasRoom: () => boolean) {
    this.#hub = hub
    this.#peer = peer
    this.#lane = lane
    this.#permissions = permissions
    this.#teller = new Teller(hub, hasRoom, packet => this.#write(packet))
    this.#line = new Line(hub.limits.pending)
    peer.before(() => this.#line.idle)
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
    // The client was told by no answer of which history its messages will be.
    if (!this.size) this.#write([0, this.#hub.log.epoch])
    const known = this.#subscriptions.get(topic)
    // What its client was denied is not told, but that it was missed.
    if (known?.since) known.since = { epoch: '', sequence: 0 }
    this.#join(topic, subscription => (subscription.own = true))
    return true
  }

  unsubscribe(topic: string): void {
    for (const id of this.#leave(topic)) this.#write([-id, ''])
  }

  /** Works on what a client asks for. */
  receive(items: readonly (readonly unknown[])[]): void {
    for (const item of items) {
      const [id, kind] = item
      if (isItem(item)) this.#ask(item)
      // Whoever asks without types waits for an answer too.
      else if (isCount(id) && isCount(kind) && item.length > 2)
        this.#fail([id, kind, ''], ERR_OPTION, 'a topic is a text')
      else if (isCount(id)) this.#end(id)
    }
  }

  /** Asks again for permission of everything that goes on. */
  refresh(): void {
    const asked = this.#answers.ask()
    this.#changes++
    for (const [name, subscription] of this.#subscriptions) {
      if (!subscription.ids.size) continue
      void after(this.#check('subscribe', name), allowed => {
        if (this.#subscriptions.get(name) !== subscription) return
        this.#judged(name, subscription, this.#answers.fate(subscription, asked, allowed))
      })
    }
    for (const [id, listening] of this.#listenings) {
      void after(this.#check('listen', listening.pattern), allowed => {
        if (this.#listenings.get(id) !== listening) return
        const fate = this.#answers.fate(listening, asked, allowed)
        if (fate === 'goes') listening.resume()
        else if (fate === 'waits') listening.pause()
        else if (fate) {
          this.#end(id)
          this.#fail([id, LISTEN, listening.pattern], ERR_DENIED, `'listen' of '${listening.pattern}'`)
        }
      })
    }
  }

  /** Nothing is delivered while a subscription waits; it catches up when it goes on. */
  #judged(name: string, subscription: Subscription, fate: Fate | undefined): void {
    const { ids, own } = subscription
    if (fate === 'goes') this.#join(name, () => {})
    else if (fate === 'ends') {
      for (const id of own ? ids : this.#leave(name))
        this.#fail([id, SUBSCRIBE, name], ERR_DENIED, `'subscribe' of '${name}'`)
      ids.clear()
    } else if (fate && !own) {
      const { epoch, sequence } = this.#hub.log
      subscription.since ??= { epoch, sequence }
      this.#hub.interests.leave(name, this.#peer)
    }
  }

  /** The connection is over. */
  end(): void {
    this.#ended = true
    for (const name of this) this.#leave(name)
    for (const id of this.#listenings.keys()) this.#end(id)
  }

  /** A request is not wanted any more. */
  #end(id: number): void {
    const name = this.#names.get(id)
    const listening = this.#listenings.get(id)
    this.#names.delete(id)
    if (listening) {
      this.#listenings.delete(id)
      listening.end()
    } else if (name !== undefined) {
      const subscription = this.#subscriptions.get(name)
      if (subscription?.ids.delete(id) && !subscription.ids.size && !subscription.own) this.#leave(name)
    }
  }

  /** Does what needs permission. */
  #ask(item: Item): void {
    const [id, kind, name] = item
    const stays = kind === SUBSCRIBE || kind === LISTEN
    if (!(stays ? this.#hub.isName(name) : this.#hub.isTopic(name))) return this.#fail(item, ERR_OPTION, `'${name}'`)
    if (this.#line.full) return this.#fail(item, ERR_LIMIT, 'too much is asked for at the same time')
    if (stays && this.#names.has(id)) return
    if (stays) this.#names.set(id, name)
    this.#line.add(kind === LISTEN ? lineOf(id) : name, () => this.#work(item, stays))
  }

  #work(item: Item, stays: boolean): void | Promise<void> {
    const [id, kind, name] = item
    const then = (verb: string, act: () => void, value?: unknown, previous?: unknown): void | Promise<void> =>
      after(this.#allows(verb, name, value, previous), allowed => {
        // It may have been ended meanwhile.
        if (this.#ended || (stays && !this.#names.has(id))) return
        if (allowed) act()
        else this.#fail(item, ERR_DENIED, `'${verb}' of '${name}'`)
      })
    if (kind === SUBSCRIBE) {
      return then('subscribe', () => {
        if (this.#isFull(this.has(name))) return this.#fail(item, ERR_LIMIT, `of subscriptions, for '${name}'`)
        this.#join(name, ({ ids }) => {
          ids.add(id)
          this.#catchUp(item)
        })
      })
    }
    if (kind === LISTEN) {
      return then('listen', () => {
        if (this.#isFull(false)) this.#fail(item, ERR_LIMIT, `of subscriptions, for '${name}'`)
        else this.#listen(id, name)
      })
    }
    if (kind === HISTORY) {
      const look = lookOf(item)
      if (!look) return this.#fail(item, ERR_OPTION, 'of a history')
      return then('history', () => {
        if (!this.#teller.tell(id, name, look)) this.#fail(item, ERR_LIMIT, 'too much waits for this client')
      })
    }
    if (kind === PUBLISH || kind === LOOSE) {
      const publication = publicationOf(item, this.#hub.limits.length)
      const value = unbox(publication?.value ?? [])
      const previous = this.#hub.retained(name)?.value
      if (!publication) return this.#fail(item, ERR_OPTION, 'of a message')
      return then('publish', () => this.#publish(item, publication), value, previous)
    }
    return this.#fail(item, ERR_PROTOCOL)
  }

  #publish(item: Item, { client, key, value }: Publication): void {
    const [id, kind, topic] = item
    if (!this.#hub.takes(topic)) return this.#fail(item, ERR_RATE, `for '${topic}'`)
    try {
      if (client) this.#hub.name(this.#peer, client)
      const count = this.#hub.deliver(topic, value, this.#peer, client ? [this.#peer] : [], key, kind !== LOOSE)
      if (id) this.#write([-id, 0, count])
    } catch (error) {
      this.#fail(item, error instanceof AnywireError ? [error.code, 0, error.message] : ERR_SERVER)
    }
  }

  /** Tells a new subscription what it has missed, or what is retained. Messages that come from here on are behind that. */
  #catchUp(item: Item): void {
    const [id, , name, client] = item
    const place = placeOf(item)
    this.#teller.me = toText(client)
    this.#hub.name(this.#peer, this.#teller.me)
    this.#teller.answer(id, name, place, place && this.#hub.log.since(name, place))
  }

  #listen(id: number, pattern: string): void {
    const listening = new Listening(this.#hub.interests, pattern, (kind, name) => this.#write([-id, kind, name]))
    this.#listenings.set(id, listening)
    this.#write([-id, 0])
    listening.begin()
  }

  /** @param joined - called when it is there, before listeners hear of it */
  #join(name: string, joined: (subscription: Subscription) => void): void {
    const subscription = this.#subscriptions.get(name) ?? { ids: new Set(), own: false, since: undefined }
    this.#subscriptions.set(name, subscription)
    // Also where it is there: what was denied meanwhile is delivered again.
    return this.#hub.interests.join(name, this.#peer, () => {
      this.#resume(name, subscription)
      joined(subscription)
    })
  }

  /** Has a subscription that waited catch up, as behind a session that was lost. */
  #resume(name: string, subscription: Subscription): void {
    const { since, ids } = subscription
    if (!since) return
    subscription.since = undefined
    const missed = this.#hub.log.since(name, since)
    // What another one brought its client has given to all of its handlers.
    const others = [...this].filter(other => other !== name)
    const isKnown = missed?.some(({ packet: [topic] }) => others.some(other => covers(other, topic)))
    for (const id of ids) this.#teller.answer(id, name, since, isKnown ? undefined : missed)
  }

  /** Ends a subscription. Returns the requests for it. */
  #leave(name: string): Iterable<number> {
    const { ids = new Set<number>() } = this.#subscriptions.get(name) ?? {}
    if (this.#subscriptions.delete(name)) this.#hub.interests.leave(name, this.#peer)
    for (const id of ids) this.#names.delete(id)
    return ids
  }

  /** Whether there is no room for one more; what is there already needs none. */
  #isFull(known: boolean): boolean {
    const { subscriptions } = this.#hub.limits
    return this.#names.size > SHARED * subscriptions || (!known && this.size + this.#listenings.size >= subscriptions)
  }

  #allows(verb: string, name: string, value?: unknown, previous?: unknown): boolean | Promise<boolean> {
    const changes = this.#changes
    const allowed = this.#check(verb, name, value, previous)
    if (!(allowed instanceof Promise)) return allowed
    // What was answered before the permissions changed does not count any more.
    return allowed.then(allowed => (changes === this.#changes ? allowed : this.#allows(verb, name, value, previous)))
  }

  #check(verb: string, name: string, value?: unknown, previous?: unknown): boolean | Promise<boolean> {
    return this.#permissions?.check({ peer: this.#peer, plugin: 'pubsub', verb, name, value, previous }) ?? true
  }

  #fail([id, kind, name]: Item, [code, , message]: Failure, hint = ''): void {
    const text = hint ? `${message}: ${hint}` : message
    if (kind === SUBSCRIBE || kind === LISTEN) this.#names.delete(id)
    if (id) this.#write([-id, code, text])
    else if (kind === PUBLISH || kind === LOOSE) this.#write([0, name, code, text])
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
