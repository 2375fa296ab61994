/*
 * What is used of a WebTransport session, in the shape that the W3C gave it: browsers' sessions fit, and those of libraries
 * for Node.
 */

export interface WebTransportStream {
  readonly readable: ReadableStream<Uint8Array>
  readonly writable: WritableStream<Uint8Array>
}

export interface WebTransportDatagrams {
  readonly readable: ReadableStream<Uint8Array>
  /** In bytes. 0 where datagrams would travel within a stream: none are sent then. */
  readonly maxDatagramSize: number
  /** The standard's way to get a writable, */
  createWritable?(): WritableStream<Uint8Array>
  /** and the one that it had before. */
  readonly writable?: WritableStream<Uint8Array>
}

export interface WebTransportSession {
  readonly ready: Promise<unknown>
  /** Resolves, or rejects, when the session is over, whoever ended it. */
  readonly closed: Promise<unknown>
  readonly datagrams: WebTransportDatagrams
  readonly incomingBidirectionalStreams: ReadableStream<WebTransportStream>
  readonly incomingUnidirectionalStreams: ReadableStream<unknown>
  createBidirectionalStream(): Promise<WebTransportStream>
  /** Ends the session at once. What was to be said was said on the stream. */
  close(): void
}
