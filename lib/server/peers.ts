import type { WriteOptions } from '../connection.ts'
import { callRules, checkCall } from '../call-rules.ts'
import { AnywireError } from '../errors.ts'
import { ERR_OPTION } from '../failures.ts'
import { amount, callable, flag } from '../option-rules.ts'
import { Message } from './message.ts'
import { PeerEndpoint } from './peer-endpoint.ts'
import type { Peer } from './peer.ts'
import { PEERS, peersOf } from '../peer-list.ts'
import type { PeerOrPeers } from '../peer-list.ts'
import type { MulticastOptions } from './server.ts'

/** Who gets a broadcast. */
export interface BroadcastOptions<P = Peer> extends WriteOptions {
  /** Only peers for which this is true. */
  readonly where?: ((peer: P) => boolean) | undefined
  /** All but this one, or these. */
  readonly except?: PeerOrPeers | undefined
}

/** The peers of a server, those included whose clients may still come back. */
export interface Peers<P> extends Iterable<P> {
  readonly size: number
  get(id: string): P | undefined
  has(id: string): boolean
  /**
   * Writes a value to many peers. It is encoded once, and each peer's part is sent once a turn of the event loop.
   * @returns how many peers it is sent to
   * @throws ERR_ENCODE when a parser cannot encode it; the peers of other parsers are sent it all the same
   */
  broadcast(value: unknown, options?: BroadcastOptions<P>): number
}

const BROADCASTING = callRules<BroadcastOptions>({
  reliable: flag,
  expires: amount(0),
  where: callable,
  except: PEERS
})

export class PeerSet implements Peers<Peer> {
  readonly #peers = new Map<string, PeerEndpoint>()

  get size(): number {
    return this.#peers.size
  }

  get(id: string): PeerEndpoint | undefined {
    return this.#peers.get(id)
  }

  has(id: string): boolean {
    return this.#peers.has(id)
  }

  add(peer: PeerEndpoint): void {
    this.#peers.set(peer.id, peer)
  }

  /** @returns whether it was there */
  delete(peer: PeerEndpoint): boolean {
    return this.#peers.get(peer.id) === peer && this.#peers.delete(peer.id)
  }

  [Symbol.iterator](): IterableIterator<PeerEndpoint> {
    return this.#peers.values()
  }

  broadcast(value: unknown, options?: BroadcastOptions<Peer>): number {
    if (options) checkCall('broadcast', options, BROADCASTING)
    const { where, except } = options ?? {}
    const message = new Message(0, value, options)
    const excluded = except === undefined ? undefined : new Set(peersOf(except))
    let count = 0
    for (const peer of this.#peers.values()) {
      if (excluded?.has(peer) || (where && !passes(peer, where))) continue
      if (message.sendTo(peer)) count++
    }
    message.check()
    return count
  }
}

/** A filter that fails, or takes its time, lets nobody pass, and is reported. */
const passes = (peer: PeerEndpoint, where: (peer: Peer) => unknown): boolean => {
  try {
    const answer = where(peer)
    if (!(answer instanceof Promise)) return Boolean(answer)
    answer.catch(() => {})
    throw new AnywireError(ERR_OPTION, `'where' must not be asynchronous`)
  } catch (error) {
    peer.failed(error, 'where')
    return false
  }
}

/** Writes a value over a lane to the peers that have the plugin. Returns how many it is sent to. */
export const multicast = (peers: Iterable<Peer>, lane: number, value: unknown, options?: MulticastOptions): number => {
  const message = new Message(lane, value, options)
  let count = 0
  for (const peer of peers) if (peer instanceof PeerEndpoint && message.sendTo(peer)) count++
  message.check()
  return count
}
