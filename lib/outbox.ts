import type { Data, Wire } from './transformer.ts'

/**
 * What holding a message costs, in bytes: its length (of text, in UTF-16 units), and 32 as a guard against floods of empty
 * messages. Both ends count alike: PROTOCOL.md, "flow control".
 */
export const sizeOf = (data: Data): number => data.length + 32

/** Waiting for more than this, an end says "full". In bytes. */
export const WAITING = 65_536

/**
 * What one end has written and the other has not acknowledged: one first-in, first-out log that is the send queue and the
 * recovery log at once. Messages are counted, not numbered: the log knows how many came before its first one.
 */
export interface Outbox {
  /** How many bytes may be sent and not acknowledged. */
  window: number
  /** Set by a wire that said "full", until its drain. */
  full: boolean
  /** Bytes held: sent and not acknowledged, or not sent. */
  readonly bytes: number
  /** Bytes that have not been sent. */
  readonly waiting: number
  /** How many messages were sent in all; after `rewind`, how many come before the first one that will be. */
  readonly sent: number
  /** Whether a writer may go on. */
  readonly writable: boolean
  /** Adds a message. */
  add(data: Data): void
  /** Hands to the wire what it and the window have room for. */
  flush(wire: Wire): void
  /**
   * The other end took `count` messages in all.
   * @returns false when it cannot have
   */
  acknowledge(count: number): boolean
  /**
   * A new wire: what the other end did not receive will be sent again.
   * @param received - how many messages the other end received in all; it may have acknowledged more since it said so
   * @param consumed - how many of them it took, and so acknowledges
   * @returns false when it cannot have
   */
  rewind(received: number, consumed: number): boolean
  /** Ends the log. Returns what was sent and not acknowledged, and what was never sent. */
  clear(): { sent: Data[]; unsent: Data[] }
}

/** The log of a client. A server's is lib/server/run-outbox.ts. */
export class MessageOutbox implements Outbox {
  window: number
  full = false
  bytes = 0
  #messages: Data[] = []
  /** The index of the first message that was not sent, and the bytes of those before it. */
  #next = 0
  #flying = 0
  /** How many messages came before the first one. */
  #base = 0

  constructor(window: number) {
    this.window = window
  }

  get waiting(): number {
    return this.bytes - this.#flying
  }

  get sent(): number {
    return this.#base + this.#next
  }

  get writable(): boolean {
    return !this.full && this.#flying < this.window && this.waiting < Math.min(WAITING, this.window)
  }

  add(data: Data): void {
    this.#messages.push(data)
    this.bytes += sizeOf(data)
  }

  flush(wire: Wire): void {
    while (!this.full && this.#flying < this.window) {
      const data = this.#messages[this.#next]
      if (data === undefined) return
      this.#next++
      this.#flying += sizeOf(data)
      this.full = !wire.send(data)
    }
  }

  acknowledge(count: number): boolean {
    if (count > this.sent) return false
    const taken = this.#messages.splice(0, Math.max(0, count - this.#base))
    for (const data of taken) {
      this.bytes -= sizeOf(data)
      this.#flying -= sizeOf(data)
      this.#next--
      this.#base++
    }
    return true
  }

  rewind(received: number, consumed: number): boolean {
    if (consumed > received || received > this.sent) return false
    this.acknowledge(consumed)
    while (this.sent > received && this.#next) this.#flying -= sizeOf(this.#messages[--this.#next] as Data)
    return true
  }

  clear(): { sent: Data[]; unsent: Data[] } {
    const unsent = this.#messages.splice(this.#next)
    const sent = this.#messages.splice(0)
    this.bytes = this.#flying = this.#next = this.#base = 0
    return { sent, unsent }
  }
}
