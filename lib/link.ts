import { textOf } from './errors.ts'
import { ERR_HANDSHAKE_TIMEOUT, ERR_PROTOCOL, ERR_SESSION_LOST } from './failures.ts'
import { CLOSE, WELCOME } from './frames.ts'
import { isGoodbye, isWelcome, parseJson } from './handshake.ts'
import type { Goodbye, Welcome } from './handshake.ts'
import { LONGEST } from './timer.ts'
import type { ClientTransformer, Data, Receiver, Wire } from './transformer.ts'

/** Whom the client's end of a wire serves. Once it has another link, this one's messages are ignored. */
export interface LinkHost {
  /** The link that carries the connection. */
  readonly link: Link | undefined
  receive(data: Data): void
  drain(): void
  /** The link that carries the connection is gone. */
  lost(goodbye: Goodbye): void
  /** How an attempt went, that is: without an error it carries the connection, or is about to. */
  tried(link: Link, error?: LinkError): void
  /** The server is pleased: the link carries the connection from now on. Unless this end is not: false. */
  welcomed(link: Link, wire: Wire, welcome: Welcome): boolean
}

/** Why a link was cut that had not failed: another one was quicker, or the client was ended. */
export const GIVEN_UP = 'given up'

/** Why a link did not come to carry a connection. */
export class LinkError extends Error {
  readonly goodbye: Goodbye
  /** The server said no, and would say so over any other wire. */
  readonly refused: boolean

  constructor(goodbye: Goodbye, refused = false) {
    super(goodbye[1])
    this.goodbye = goodbye
    this.refused = refused
  }

  get code(): number {
    return this.goodbye[0]
  }

  static of(error: unknown): LinkError {
    return error instanceof LinkError ? error : new LinkError([1006, textOf(error), 0])
  }
}

/** The client's end of a wire: opens it, says hello over it, and then feeds its host. */
export class Link implements Receiver {
  readonly transformer: string
  /** When it began, as `performance.now` tells it. */
  readonly since = performance.now()
  readonly #host: LinkHost
  readonly #controller = new AbortController()
  #wire: Wire | undefined
  /** What ends the step under way: opening, or being welcomed. */
  #resolve = (): void => {}
  #reject: (error: unknown) => void = this.#resolve
  #failure: LinkError | undefined
  /** The server has accepted. */
  #welcomed = false
  /** Settles when the wire is open. */
  readonly opened: Promise<void>

  constructor(transformer: ClientTransformer, url: URL, host: LinkHost) {
    this.transformer = transformer.name
    this.#host = host
    this.opened = this.#step(() => transformer.dial(url, this, this.#controller.signal))
  }

  /** Says hello, and waits for the server's answer so many milliseconds. */
  greet(hello: string, patience = LONGEST): Promise<void> {
    const [, code, reason] = ERR_HANDSHAKE_TIMEOUT
    const timer = setTimeout(() => this.abort([code, reason, 0]), Math.min(patience, LONGEST))
    return this.#step(() => this.#wire?.send(hello)).finally(() => clearTimeout(timer))
  }

  /** Cuts the wire, or stops opening it. */
  abort(goodbye: Goodbye = [1006, GIVEN_UP, 0]): void {
    this.#fail(goodbye)
    this.#controller.abort()
  }

  open(wire: Wire): void {
    this.#wire = wire
    this.#resolve()
  }

  message(data: Data): void {
    if (this.#host.link === this) this.#host.receive(data)
    else if (!this.#welcomed && this.#wire) this.#answered(this.#wire, data)
  }

  drain(): void {
    if (this.#host.link === this) this.#host.drain()
  }

  close(code: number, reason: string, error?: Error): void {
    const goodbye: Goodbye = [code, reason || (error?.message ?? ''), 0]
    if (this.#host.link === this) this.#host.lost(goodbye)
    else this.#fail(goodbye)
  }

  #step(act: () => void): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      if (this.#failure) return reject(this.#failure)
      this.#resolve = resolve
      this.#reject = reject
      act()
    }).catch((error: unknown) => {
      const failure = LinkError.of(error)
      this.#fail(failure.goodbye)
      throw failure
    })
  }

  #fail(goodbye: Goodbye, refused?: boolean): void {
    if (this.#welcomed || this.#failure) return
    this.#failure = new LinkError(goodbye, refused)
    this.#host.tried(this, this.#failure)
    this.#reject(this.#failure)
  }

  #answered(wire: Wire, data: Data): void {
    const type = data.slice(0, 2)
    const answer = parseJson(data.slice(2))
    if (type === WELCOME && isWelcome(answer) && !this.#failure) {
      this.#welcomed = this.#host.welcomed(this, wire, answer)
      if (this.#welcomed) return this.#resolve()
      const [, code, reason] = ERR_SESSION_LOST
      wire.send(`${CLOSE}${JSON.stringify([code, reason, 0])}`)
      wire.close(code, '')
      this.#fail([code, reason, 0])
    } else if (type === CLOSE && isGoodbye(answer)) this.#fail(answer, true)
    else this.#fail([ERR_PROTOCOL[1], 'this is no anywire server', 0], true)
  }
}
