import { covers, Patterns } from '../../lib/patterns.ts'
import type { Peer } from '../../lib/server/peer.ts'
import { addTo, removeFrom } from '../../lib/sets.ts'

/** What the server's own subscribers are called with. */
export type Receiver = (
  message: readonly [topic: string, sequence: number, offset: number, ...value: unknown[]],
  peer: Peer | undefined
) => void

/** Those who are subscribed to one name. */
export interface Interest {
  readonly name: string
  readonly peers: Set<Peer>
  readonly receivers: Set<Receiver>
}

/** Is told which names have subscribers. */
export interface Listener {
  readonly pattern: string
  start(name: string): void
  stop(name: string): void
}

/** Who is subscribed to what, and who wants to know. */
export class Interests {
  readonly #interests = new Patterns<Interest>()
  readonly #listeners = new Patterns<Set<Listener>>()

  /** Those who get the messages of a topic. */
  of(topic: string): Interest[] {
    const found: Interest[] = []
    this.#interests.some(topic, interest => {
      found.push(interest)
      return false
    })
    return found
  }

  /**
   * @param joined - called when it is done, before listeners hear of it: they may publish at once
   */
  join(name: string, subscriber: Peer | Receiver, joined: () => void): void {
    const known = this.#interests.get(name)
    const interest = known ?? { name, peers: new Set(), receivers: new Set() }
    if (typeof subscriber === 'function') interest.receivers.add(subscriber)
    else interest.peers.add(subscriber)
    if (!known) this.#interests.set(name, interest)
    joined()
    if (!known) for (const listener of this.#covering(name)) this.#start(listener, name)
  }

  leave(name: string, subscriber: Peer | Receiver): void {
    const interest = this.#interests.get(name)
    if (!interest) return
    if (typeof subscriber === 'function') interest.receivers.delete(subscriber)
    else interest.peers.delete(subscriber)
    if (interest.peers.size || interest.receivers.size) return
    this.#interests.delete(name)
    for (const listener of this.#covering(name)) listener.stop(name)
  }

  listen(listener: Listener): void {
    const { pattern } = listener
    addTo(this.#listeners, pattern, listener)
    for (const { name } of this.of(pattern)) if (covers(pattern, name)) this.#start(listener, name)
  }

  unlisten(listener: Listener): void {
    removeFrom(this.#listeners, listener.pattern, listener)
  }

  /** Who was told before may have ended either. */
  #start(listener: Listener, name: string): void {
    if (this.#interests.get(name) && this.#listeners.get(listener.pattern)?.has(listener)) listener.start(name)
  }

  #covering(name: string): Listener[] {
    const found: Listener[] = []
    this.#listeners.some(name, listeners => {
      for (const listener of listeners) if (covers(listener.pattern, name)) found.push(listener)
      return false
    })
    return found
  }
}
