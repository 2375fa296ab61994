import { isValue } from './frames.ts'
import type { Data, Wire } from './transformer.ts'

/**
 * What holding a message costs, in bytes: its length (of text, in UTF-16 units), and 32 as a guard against floods of empty
 * messages. Both ends count alike: PROTOCOL.md, "flow control".
 */
export const sizeOf = (data: Data): number => data.length + 32

/** Waiting for more than this, an end says "full". In bytes. */
export const WAITING = 65_536

/**
 * What a client has written and the server has not acknowledged: one first-in, first-out log that is the send queue and the
 * recovery log at once. Messages are counted, not numbered: the log knows how many came before its first one. The server's
 * is lib/server/run-outbox.ts.
 * @param window - how many bytes may be sent and not acknowledged
 */
export const makeOutbox = (window: number) => {
  let messages: Data[] = []
  /** How many came before the first one; and how many of those that are here were sent. */
  let base = 0
  let sent = 0
  /** Bytes held, and those among them that were sent. */
  let bytes = 0
  let flying = 0
  /** Set by a wire that said "full", until its drain. */
  let full = false
  /** Values that no session has sent so far. */
  let unsent: Data[] = []

  /** Adds a message. */
  const add = (data: Data): void => {
    messages.push(data)
    bytes += sizeOf(data)
  }

  /** Hands to the wire what it and the window have room for. */
  const flush = (wire: Wire): void => {
    for (let data; !full && flying < window && (data = messages[sent]) !== undefined;) {
      sent++
      flying += sizeOf(data)
      full = !wire.send(data)
    }
  }

  /** The server took `count` messages in all. Returns false when it cannot have. */
  const acknowledge = (count: number): boolean => {
    if (count > base + sent) return false
    for (const data of messages.splice(0, Math.max(0, count - base))) {
      bytes -= sizeOf(data)
      flying -= sizeOf(data)
      sent--
      base++
    }
    return true
  }

  /**
   * A new wire: what the server did not receive will be sent again.
   * @param received - how many messages it received in all; it may have acknowledged more since it said so
   * @param consumed - how many of them it took, and so acknowledges
   * @returns false when it cannot have
   */
  const rewind = (received: number, consumed: number): boolean => {
    if (consumed > received || received > base + sent) return false
    for (; sent && base + sent > received; sent--) flying -= sizeOf(messages[sent - 1] ?? '')
    return acknowledge(consumed)
  }

  /** Ends the log. Returns what was sent and not acknowledged. `all`: and the values that no session is to send any more. */
  const clear = (all?: boolean): Data[] => {
    unsent = [...messages.splice(sent).filter(isValue), ...unsent]
    const under = messages
    messages = []
    base = sent = bytes = flying = 0
    return all ? [...under, ...unsent.splice(0)] : under
  }

  /** Takes out the values that were not sent before the log ended, for the session that follows. */
  const takeUnsent = (): Data[] => unsent.splice(0)

  /** Another wire, or one that has room again. */
  const free = (most = window): void => {
    window = most
    full = false
  }

  const heldBytes = (): number => bytes
  /** Bytes that have not been sent. */
  const waiting = (): number => bytes - flying

  /** Whether a writer may go on. */
  const hasRoom = (): boolean => !full && flying < window && waiting() < Math.min(WAITING, window)

  return [add, flush, acknowledge, rewind, clear, free, heldBytes, waiting, hasRoom, takeUnsent] as const
}
