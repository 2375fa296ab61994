import { CLOSE, HELLO, WELCOME } from './frames.ts'
import { parseGoodbye, parseWelcome } from './handshake.ts'
import type { Goodbye, Hello, Welcome } from './handshake.ts'
import type { Session } from './session.ts'
import type { Data, Receiver, Wire } from './transformer.ts'

/** Whom a link tells while it opens. */
export interface Greeter {
  hello(): Hello
  welcomed(link: Link, wire: Wire, welcome: Welcome): void
  /** The server said goodbye instead of welcome. */
  refused(goodbye: Goodbye): void
  /** The wire is gone, or never opened. */
  lost(goodbye: Goodbye): void
}

/** The client's end of one wire: says hello, waits for the welcome, then feeds a session. */
export class Link implements Receiver {
  readonly transformer: string
  wire: Wire | undefined
  #greeter: Greeter | undefined
  #session: Session | undefined
  #lost: ((goodbye: Goodbye) => void) | undefined

  constructor(transformer: string, greeter: Greeter) {
    this.transformer = transformer
    this.#greeter = greeter
  }

  /** From now on the wire carries `session`; `lost` is told when it is gone. */
  carry(session: Session, lost: (goodbye: Goodbye) => void): void {
    this.#greeter = undefined
    this.#session = session
    this.#lost = lost
  }

  /** Lets go: whatever the wire still tells is ignored. */
  release(): void {
    this.#greeter = this.#session = this.#lost = undefined
  }

  open(wire: Wire): void {
    this.wire = wire
    if (this.#greeter) wire.send(HELLO + JSON.stringify(this.#greeter.hello()))
    else wire.abort()
  }

  message(data: Data): void {
    if (this.#session) this.#session.receive(data)
    else if (this.#greeter && this.wire) this.#greeted(this.#greeter, this.wire, data)
  }

  drain(): void {
    this.#session?.drain()
  }

  close(code: number, reason: string, error?: Error): void {
    const goodbye: Goodbye = [code, reason || (error?.message ?? ''), 0]
    this.#greeter?.lost(goodbye)
    this.#lost?.(goodbye)
    this.release()
  }

  #greeted(greeter: Greeter, wire: Wire, data: Data): void {
    const type = data.slice(0, 2)
    const welcome = type === WELCOME ? parseWelcome(data.slice(2)) : undefined
    const goodbye = type === CLOSE ? parseGoodbye(data.slice(2)) : undefined
    if (welcome) greeter.welcomed(this, wire, welcome)
    else greeter.refused(goodbye ?? [3500, 'this is no anywire server', 0])
  }
}
