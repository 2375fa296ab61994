import type { Data, Wire } from '../transformer.ts'

/**
 * What one end has written and the other has not acknowledged: one first-in, first-out log that is the send queue and the
 * recovery log at once. Messages are counted, not numbered: the log knows how many came before its first one.
 */
export interface Outbox {
  /** How many bytes may be sent and not acknowledged. */
  readonly window: number
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
