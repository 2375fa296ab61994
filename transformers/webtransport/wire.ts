import type { Data, Receiver, Wire } from '../../lib/transformer.ts'
import { BYTES, encode, GOODBYE, TEXT } from './frame.ts'
import type { Decode, Hear } from './frame.ts'
import type { WebTransportDatagrams, WebTransportSession, WebTransportStream } from './session.ts'

/** Beyond so many bytes that the stream has not taken, a wire is full. */
const FULL = 65_536

export const SUPPORTS = { binary: true, backpressure: true, datagrams: true, closeCodes: true }

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A wire, and what is done with it by those who made it. */
export interface Link {
  readonly wire: Wire & { received?: number }
  /** Opens the wire over the one stream of the session, unless it is over. */
  readonly start: (stream: WebTransportStream) => void
  /** Writes frames, unless the wire is over; false: full. */
  readonly write: (frames: Uint8Array) => boolean
  /** There is no session any more, or there should be none: ends the wire, and the session. */
  readonly lost: (error?: unknown) => void
}

const writableOf = (datagrams: WebTransportDatagrams): WritableStream<Uint8Array> | undefined =>
  datagrams.createWritable?.() ?? datagrams.writable

/** Reads everything there is. */
export const pump = async <T>(readable: ReadableStream<T>, take: (chunk: T) => void): Promise<void> => {
  const reader = readable.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    take(value)
  }
}

/**
 * Makes a wire of a session. A session tells its end before what its streams still hold; so goodbyes are said on the
 * stream, behind everything else, and whoever hears one closes the session.
 */
export const makeLink = (session: WebTransportSession, receiver: Receiver, decoder: (hear: Hear) => Decode): Link => {
  const { closed, datagrams } = session
  let writer: WritableStreamDefaultWriter<Uint8Array> | undefined
  let datagramWriter: typeof writer
  /** Bytes of datagrams that the session has not taken. */
  let flying = 0
  let goodbye: readonly [code: number, reason: string] | undefined
  let full = false
  let ended = false

  const end = (code: number, reason: string, error?: unknown): void => {
    if (ended) return
    ended = true
    receiver.close(code, reason, error as Error | undefined)
    session.close()
  }

  const lost: Link['lost'] = error => (goodbye ? end(...goodbye) : end(1006, '', error))

  const hear: Hear = (kind, payload) => {
    if (ended || kind > GOODBYE) return
    if (kind === BYTES) return receiver.message(payload)
    const text = utf8.decode(payload)
    if (kind) end(+text.slice(0, 4), text.slice(4))
    else receiver.message(text)
  }

  const write: Link['write'] = frames => {
    if (goodbye || ended) return false
    wire.buffered += frames.length
    full = wire.buffered >= FULL
    writer?.write(frames).then(() => {
      wire.buffered -= frames.length
      if (!full || ended || wire.buffered >= FULL) return
      full = false
      receiver.drain()
    }, lost)
    return !full
  }

  const wire = {
    buffered: 0,
    send: (data: Data) => write(encode(kindOf(data), data)),
    datagram(data: Data) {
      const datagram = encode(kindOf(data), data).subarray(3)
      // What no datagram has room for would be lost every time: it goes over the stream, unless it had to wait there.
      if (datagram.length > datagrams.maxDatagramSize) {
        if (!full) wire.send(data)
      } else if (!goodbye && flying < FULL) {
        // Room for one, which is all that streams say they have, would drop the second of a turn.
        flying += datagram.length
        datagramWriter ??= writableOf(datagrams)?.getWriter()
        datagramWriter?.write(datagram).then(() => (flying -= datagram.length), lost)
      }
    },
    close(code: number, reason: string) {
      write(encode(GOODBYE, code + reason))
      goodbye ??= [code, reason]
    },
    abort: () => end(1006, '')
  }

  closed.then(() => lost(), lost)
  // Read also before the wire is open: what nobody reads would be kept.
  pump(datagrams.readable, datagram => {
    if (writer) hear((datagram[0] ?? TEXT) & BYTES, datagram.subarray(1))
  }).catch(lost)

  return {
    wire,
    write,
    lost,
    start(stream) {
      if (ended) return
      writer = stream.writable.getWriter()
      receiver.open(wire)
      pump(stream.readable, decoder(hear)).then(lost, lost)
    }
  }
}

const kindOf = (data: Data): number => +(typeof data !== 'string')
