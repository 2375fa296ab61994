import { AnywireError } from '../errors.ts'
import { ERR_HANDSHAKE_TIMEOUT, ERR_PROTOCOL, ERR_RATE, ERR_REPLACED, ERR_SERVER, ERR_TOO_LARGE } from '../failures.ts'
import { CLOSE, HELLO } from '../frames.ts'
import { readControl } from '../handshake.ts'
import type { Goodbye, Hello } from '../handshake.ts'
import { LONGEST } from '../timer.ts'
import type { Data, Receiver, Wire } from '../transformer.ts'
import { parseHello } from './hello.ts'
import type { ServerLimits } from './options.ts'
import type { Handshake } from './peer.ts'
import type { PeerEndpoint } from './peer-endpoint.ts'

/** Whom the server's links tell. */
export interface LinkHost {
  readonly limits: ServerLimits
  /** Judges a client: has the link carry its peer, or returns why not. */
  admit(link: ServerLink, wire: Wire, hello: Hello | undefined): Promise<AnywireError | undefined>
  refused(handshake: Handshake, error: AnywireError): void
  /** The link carries no peer any more, and its wire is about to close. */
  left(link: ServerLink): void
  released(link: ServerLink): void
}

/** How much a plain client may say before it is accepted, in messages. */
const EARLY = 1_000

/** How long a wire may take to close, in milliseconds: longer than transformers wait by themselves. */
const PATIENCE = 10_000

/** How long a client that moved may take to close its former wire, in milliseconds. */
const MOVING = 1_000

let hellos = 0

/** The server's end of one wire: waits for the hello, has the client judged, then feeds a peer. */
export class ServerLink implements Receiver {
  readonly handshake: Handshake
  /** Which hello this link's was: of two links of one client the later one counts. */
  order = 0
  readonly #host: LinkHost
  readonly #refusal: AnywireError | undefined
  #wire: Wire | undefined
  #peer: PeerEndpoint | undefined
  /** A message came over this wire: the client has the token of its welcome. */
  #confirmed = false
  #greeted = false
  #closed = false
  /** For the hello; later for the end of the wire. */
  #timer: ReturnType<typeof setTimeout> | undefined
  /** What a plain client says before it is admitted, and how much that is. */
  #early: Data[] | undefined
  #earlySize = 0

  /** @param refusal - why the client will be refused as soon as it can be told */
  constructor(host: LinkHost, handshake: Handshake, refusal: AnywireError | undefined) {
    this.#host = host
    this.handshake = handshake
    this.#refusal = refusal
  }

  open(wire: Wire): void {
    this.#wire = wire
    if (this.#closed) return wire.abort()
    if (this.#refusal) return this.refuse(this.#refusal)
    const time = Math.min(this.#host.limits.handshake, LONGEST)
    this.#timer = setTimeout(() => this.refuse(new AnywireError(ERR_HANDSHAKE_TIMEOUT)), time)
    if (this.handshake.plain) void this.#admit(wire, undefined)
  }

  message(data: Data): void {
    const peer = this.#peer
    // Bytes are never fewer than characters. Wires may have a limit of their own, but need not.
    if (data.length > this.#host.limits.message) {
      if (peer) return peer.fail(ERR_TOO_LARGE)
      return this.refuse(new AnywireError(ERR_TOO_LARGE))
    }
    if (!peer) return this.#greet(data)
    if (!this.#confirmed) {
      this.#confirmed = true
      peer.ticket.confirm()
    }
    if (peer.rate.take()) peer.receive(data)
    else peer.fail(ERR_RATE)
  }

  drain(): void {
    this.#peer?.drain()
  }

  close(code: number, reason: string, error?: Error): void {
    const peer = this.#peer
    this.#release()
    this.#wire = undefined
    this.#host.released(this)
    peer?.lost([code, reason || (error?.message ?? ''), 0])
  }

  /** Lets go of the peer, and closes the wire. */
  leave([code, reason]: Goodbye): void {
    const wire = this.#wire
    this.#release()
    if (!wire) return
    this.#host.left(this)
    // Whoever does not read, or answer, keeps nothing open.
    this.#timer = setTimeout(() => wire.abort(), PATIENCE)
    this.#timer.unref()
    wire.close(code, cut(reason))
  }

  /** Lets go of the peer, which goes on over another wire. A client that moved closes this one; any other is told soon. */
  replaced(): void {
    const [, code, reason] = ERR_REPLACED
    this.#release()
    this.#host.left(this)
    this.#timer = setTimeout(() => this.leave([code, reason, 0]), MOVING)
    this.#timer.unref()
  }

  /** Lets go of the peer, and cuts the wire. */
  abort(): void {
    this.#release()
    this.#wire?.abort()
  }

  /** Tells the client why it is not welcome. */
  refuse(error: AnywireError): void {
    if (this.#closed) return
    this.#host.refused(this.handshake, error)
    if (!this.handshake.plain) this.#wire?.send(CLOSE + JSON.stringify([error.status, error.message, 0]))
    this.leave([error.status, error.message, 0])
  }

  #stopTimer(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #release(): void {
    this.#closed = true
    this.#stopTimer()
    this.#peer = this.#early = undefined
  }

  #greet(data: Data): void {
    if (this.#closed || !this.#wire) return
    if (this.handshake.plain) return this.#hold(data)
    const hello = this.#greeted ? undefined : parseHello(readControl(HELLO, data))
    this.#greeted = true
    this.order = ++hellos
    if (hello) void this.#admit(this.#wire, hello)
    else
      this.refuse(
        new AnywireError(ERR_PROTOCOL, 'the first message is no hello, or one of a client that takes too little')
      )
  }

  #hold(data: Data): void {
    this.#early ??= []
    this.#early.push(data)
    this.#earlySize += data.length
    if (this.#earlySize > this.#host.limits.message || this.#early.length > EARLY) {
      this.refuse(new AnywireError(ERR_RATE, 'too much was sent before the connection was accepted'))
    }
  }

  async #admit(wire: Wire, hello: Hello | undefined): Promise<void> {
    const error = await this.#host.admit(this, wire, hello).catch((cause: unknown) => {
      return new AnywireError(ERR_SERVER, undefined, cause)
    })
    if (error) this.refuse(error)
  }

  /** Whether the link is over; what is asked of it then is ignored. */
  get closed(): boolean {
    return this.#closed
  }

  /** Whether there was a wire ever, and still is. */
  get hasWire(): boolean {
    return this.#wire !== undefined
  }

  /** From now on the wire carries `peer`. */
  carry(peer: PeerEndpoint): void {
    this.#stopTimer()
    this.#peer = peer
  }

  /** Hands over what a plain client said before it was accepted. */
  catchUp(): void {
    const early = this.#early ?? []
    this.#early = undefined
    for (const data of early) this.message(data)
  }
}

/** Cuts a reason to what a close frame has room for. */
const cut = (reason: string): string => {
  const bytes = new TextEncoder().encode(reason)
  return bytes.length <= 123 ? reason : new TextDecoder().decode(bytes.subarray(0, 120)).replace(/\uFFFD?$/, '…')
}
