import type { Run } from './run.ts'

/** One message as a wire carries it: text or bytes. The kind is preserved end to end. */
export type Data = string | Uint8Array

/**
 * One open, ordered, message-preserving link between two ends.
 *
 * Rules for whoever implements it:
 * - Messages arrive whole, once, in order, as the kind (text or bytes) they were sent as, empty ones included.
 * - No method throws, whatever the state of the link. After `close` or `abort`, or after the link died, they do nothing.
 * - A wire never keeps a message back to wait for another one: what was sent leaves with the current turn of the event loop.
 */
export interface Wire {
  /** Bytes accepted and not yet handed to the network. */
  readonly buffered: number
  /** Bytes that came in so far, where the technology counts them: a sign of life also amid a large message. Optional. */
  readonly received?: number
  /** Sends one message. False means: accepted, but full; `Receiver.drain` follows once there is room. */
  send(data: Data): boolean
  /**
   * Sends a run of messages at once. Optional: without it the core calls `send` for each. A run is shared by all
   * connections that were sent the same messages; `run.memo` keeps what a wire computes from it for the next wire.
   */
  sendRun?(run: Run): boolean
  /**
   * Asks the other end's technology for a sign of life, such as a WebSocket's ping, which then shows in `received`. For clients
   * that know no pings of ours. Optional.
   */
  ping?(): void
  /** Sends one message that may be lost, doubled or late. Optional: only where `supports.datagrams` is true. */
  datagram?(data: Data): void
  /**
   * Says goodbye: what was sent still leaves, then the other end's receiver is told `code` and `reason`, where the
   * technology can carry them. Codes are 1000 or 3000–4999, reasons at most 123 bytes of UTF-8.
   */
  close(code: number, reason: string): void
  /** Cuts the link at once, without a goodbye, and frees what it holds. */
  abort(): void
}

/**
 * What the core hands to a transformer for each link, and the transformer calls.
 *
 * Rules for whoever calls it:
 * - `open` once, before any `message` and `drain`; never called when the link failed to open.
 * - `close` exactly once and last, whichever end ended the link and however: after `Wire.close`, `Wire.abort`, a failed
 *   dial, an aborted signal, a dead socket. Code 1006 means that no goodbye was heard, 1005 that it had no code.
 * - A receiver never throws.
 */
export interface Receiver {
  open(wire: Wire): void
  message(data: Data): void
  drain(): void
  close(code: number, reason: string, error?: Error): void
}

/** What a transformer's wires can do. The contract suite skips what is false. */
export interface Supports {
  /** Bytes travel as bytes, without an encoding to text in between. */
  readonly binary: boolean
  /** `Wire.buffered` tells the truth and `Receiver.drain` is called. */
  readonly backpressure: boolean
  /** `Wire.datagram` exists. */
  readonly datagrams: boolean
  /** The code and reason of `Wire.close` reach the other end. */
  readonly closeCodes: boolean
}

/** What both halves of a transformer have. A transformer is a plain object from a factory. */
export interface Transformer {
  /** Unique among the transformers of one server or client; travels in events and logs, never on the wire. */
  readonly name: string
  readonly supports: Supports
}

/** The client half: makes wires to a server. */
export interface ClientTransformer extends Transformer {
  /**
   * Opens one link. The outcome is told to `receiver`: `open`, or `close` with an error. What it throws is a failed dial too.
   * @param url - http:, https:, ws: or wss:, with the path and query to use. A transformer maps the scheme to its own.
   * @param signal - aborting it ends the link as `Wire.abort` does, before or after it opened.
   */
  dial(url: URL, receiver: Receiver, signal: AbortSignal): void
}
