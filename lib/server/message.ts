import type { WriteOptions } from '../connection.ts'
import { AnywireError } from '../errors.ts'
import { frame, isMarked } from '../frames.ts'
import type { Parser } from '../parser.ts'
import { Frame } from './frame.ts'
import type { PeerEndpoint } from './peer-endpoint.ts'

/** A value for many peers: encoded once for each parser, and framed once by each kind of wire. */
export class Message {
  readonly #lane: number
  readonly #value: unknown
  readonly #options: WriteOptions | undefined
  readonly #reliable: boolean
  readonly #frames = new Map<Parser, Frame>()

  constructor(lane: number, value: unknown, options: WriteOptions | undefined) {
    this.#lane = lane
    this.#value = value
    this.#options = options
    this.#reliable = options?.reliable !== false
  }

  /** @returns whether the peer is sent it */
  sendTo(peer: PeerEndpoint): boolean {
    if (peer.state === 'closed' || peer.ending || (this.#lane > 0 && !peer.lanes[this.#lane])) return false
    const shared = this.#frame(peer.parser)
    try {
      // What is rewritten for one peer, or shown unframed to a plain one, cannot be shared.
      if (this.#lane === 0 && (peer.intercepts || (peer.plain && isMarked(shared.data)))) {
        peer.write(this.#value, this.#options)
        return true
      }
      if (!peer.takes(shared.bytes)) return false
    } catch (error) {
      if (error instanceof AnywireError) peer.report(error, 'write')
      return false
    }
    if (!this.#reliable) return peer.sendUnreliable(shared.data, () => peer.share(shared))
    peer.share(shared)
    return true
  }

  #frame(parser: Parser): Frame {
    let shared = this.#frames.get(parser)
    if (!shared) {
      shared = new Frame(frame(this.#lane, parser.encode(this.#value), this.#reliable), this.#reliable)
      this.#frames.set(parser, shared)
    }
    return shared
  }
}
