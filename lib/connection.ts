import type { Events, Undo } from './emitter.ts'
import type { AnywireError } from './errors.ts'
import type { LinkError } from './link.ts'
import type { Parser } from './parser.ts'
import type { Pipeline } from './pipeline.ts'

/** How a wire opened. */
export interface Opened {
  /** Whether the session went on: nothing was lost, and this is the same connection to the other end as before. */
  readonly recovered: boolean
}

/** How a wire or a connection ended. */
export interface End {
  /** 1000–1015 as in RFC 6455, 3000–3999 from anywire (docs/errors.md), 4000–4999 from the application. */
  readonly code: number
  readonly reason: string
  /** Whether the client will connect again by itself. On the server: whether the client may. */
  readonly reconnect: boolean
  /** Milliseconds that the other end asks to wait before connecting again. */
  readonly after: number
}

/** Values whose fate is unknown: written, perhaps arrived, not acknowledged when the session was lost. */
export interface Lost {
  readonly values: readonly unknown[]
}

/** How an attempt of a client to get a wire went. */
export interface Attempt {
  /** The name of the transformer. */
  readonly transformer: string
  /** In milliseconds. */
  readonly duration: number
  /** Why it failed. */
  readonly error: LinkError | undefined
}

/** What a connection tells. */
export interface ConnectionEvents {
  /** A value arrived. Values wait, unacknowledged, until somebody listens or iterates. */
  data: [value: unknown]
  /** After a `write` that returned false: there is room again. */
  drain: []
  /** Values can travel: the connection opened, or goes on over another wire. */
  open: [opened: Opened]
  /** The connection went on over another wire, without a break; the names of their transformers. */
  migrate: [moved: { readonly from: string; readonly to: string }]
  /** The wire was lost; the connection waits for another one. */
  disconnect: [end: End]
  /** On a client: an attempt to get a wire succeeded, or failed. */
  attempt: [attempt: Attempt]
  /** Once for each connection: it ended. */
  close: [end: End]
  lost: [lost: Lost]
  error: [error: AnywireError]
}

/** Options of one value. */
export interface WriteOptions {
  /** False: the value may be lost, and is dropped rather than queued when the wire is full. Default true. */
  readonly reliable?: boolean | undefined
  /** Milliseconds that the value may wait for a wire, where the offline plugin queues it. Default: that plugin's option. */
  readonly expires?: number | undefined
}

/** `connecting` before the first wire, `away` between two wires of one session. */
export type State = 'idle' | 'connecting' | 'open' | 'away' | 'closed'

/** The pipeline as applications see it. */
export type Interceptors = Pick<Pipeline, 'use'>

/** Events of a connection or a lane. */
export interface Listenable<E extends Events<E>> {
  /**
   * Calls `listener` at each `event`. What it throws, or rejects with, is reported and harms nobody else.
   * @returns what removes the listener
   */
  on<K extends keyof E & string>(event: K, listener: (...args: E[K]) => unknown): Undo
  /** Calls `listener` at the next `event` only. */
  once<K extends keyof E & string>(event: K, listener: (...args: E[K]) => unknown): Undo
  /** How many listeners an event has. */
  listenerCount(event: keyof E & string): number
}

/**
 * A connection to the other end, the same API on both ends. It is a session: it outlives the wires that carry it.
 *
 * Values arrive once and in order. They wait, unacknowledged, until somebody reads: with a listener for `data`, by
 * iteration (`for await (const value of connection)`), or through `readable`.
 */
export interface Connection extends Listenable<ConnectionEvents>, AsyncIterable<unknown> {
  /** Unique and unguessable; '' before a client opened for the first time. */
  readonly id: string
  readonly state: State
  /** The name of the transformer whose wire is in use, or was last; '' before the first. */
  readonly transformer: string
  /** What encodes the values. */
  readonly parser: Parser
  /** Bytes written that the other end has not acknowledged. */
  readonly bufferedBytes: number
  /** Interceptors of values that arrive, before anybody reads them. */
  readonly incoming: Interceptors
  /** Interceptors of values that are written, before they are encoded. */
  readonly outgoing: Interceptors
  /** The values that arrive, as a web stream; one reader gets each value. */
  readonly readable: ReadableStream<unknown>
  /** Writes values, as a web stream; closing it ends the connection. */
  readonly writable: WritableStream<unknown>
  /**
   * Sends a value.
   * @returns false: accepted, but full, so wait for `drain` before you write on. For an unreliable value: dropped.
   * On a connection that has ended the value is refused and `error` tells ERR_CLOSED.
   * @throws ERR_ENCODE when the parser cannot encode the value; ERR_TOO_LARGE when it is larger than the other end takes
   */
  write(value: unknown, options?: WriteOptions): boolean
  /** Stops delivering values to `data`, and thereby the other end when its window is full. */
  pause(): void
  resume(): void
  /**
   * Ends the connection after everything that was written.
   * @param code - 1000 (default), or 4000–4999: below 4500 tells the other end that connecting again makes sense
   * @throws ERR_OPTION when the code is none of those
   */
  end(code?: number, reason?: string): void
  /**
   * For a plugin that has something to finish: `end`, on a server also its `close`, calls `finish`, and says goodbye when what it
   * promises is done. Where that fails, it is reported.
   */
  before(finish: () => Promise<void> | undefined): void
  /** Ends the connection at once; what waits to be sent is lost. Takes and throws what `end` does. */
  destroy(code?: number, reason?: string): void
}
