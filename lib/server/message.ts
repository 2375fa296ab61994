import { encode } from '../encode.ts'
import { AnywireError } from '../errors.ts'
import { frame, isMarked } from '../frames.ts'
import type { Parser } from '../parser.ts'
import { Frame } from './frame.ts'
import type { PeerEndpoint } from './peer-endpoint.ts'
import { reaches } from './reach.ts'
import type { MulticastOptions } from './server.ts'

/** A value for many peers: encoded once for each parser, and framed once by each kind of wire. */
export class Message {
  readonly #lane: number
  readonly #value: unknown
  readonly #options: MulticastOptions | undefined
  readonly #reliable: boolean
  readonly #frames = new Map<Parser, Frame | undefined>()
  /** The parser of the peer before, and its frame: most have the same one. */
  #parser: Parser | undefined
  #shared: Frame | undefined
  /** Why a parser could not encode the value. */
  #failure: Error | undefined

  constructor(lane: number, value: unknown, options: MulticastOptions | undefined) {
    this.#lane = lane
    this.#value = value
    this.#options = options
    this.#reliable = options?.reliable !== false
  }

  /** @returns whether the peer is sent it */
  sendTo(peer: PeerEndpoint): boolean {
    if (peer.state === 'closed' || peer.ending || !reaches(peer, this.#lane)) return false
    const shared = peer.parser === this.#parser ? this.#shared : this.#frame(peer.parser)
    if (!shared) return false
    try {
      // What is rewritten for one peer, or shown unframed to a plain one, cannot be shared.
      if (this.#lane === 0 && (peer.intercepts || (peer.plain && isMarked(shared.data)))) {
        if (!peer.put(this.#value, this.#options)) this.#options?.full?.(peer)
        return true
      }
      if (!peer.takes(shared.bytes)) return false
    } catch (error) {
      if (error instanceof AnywireError) peer.report(error, 'write')
      return false
    }
    if (!this.#reliable) return sendLoose(peer, shared)
    if (!peer.share(shared)) this.#options?.full?.(peer)
    return true
  }

  /** To be called behind the last peer. @throws what a parser threw; the peers of others were sent the value */
  check(): void {
    if (this.#failure) throw this.#failure
  }

  #frame(parser: Parser): Frame | undefined {
    let shared = this.#frames.get(parser)
    if (!shared && !this.#frames.has(parser)) {
      try {
        shared = new Frame(frame(this.#lane, encode(parser, this.#value, this.#lane), this.#reliable), this.#reliable)
      } catch (error) {
        this.#failure = error instanceof Error ? error : new Error(String(error))
      }
      this.#frames.set(parser, shared)
    }
    this.#parser = parser
    return (this.#shared = shared)
  }
}

/** By itself: what a closure keeps is an object more in each call of the function around it, whether it is made or not. */
const sendLoose = (peer: PeerEndpoint, shared: Frame): boolean =>
  peer.sendUnreliable(shared.data, () => peer.share(shared))
