import { EventEmitter } from 'node:events'
import type { Http2Session, ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'

/*
 * What the package leaves open over HTTP/2, as of 1.6.8. It is reached through properties that the package does not
 * document; where they are not there any more, nothing is done.
 */

/** The value of nested properties, or undefined. */
export const dig = (value: unknown, ...names: readonly string[]): unknown =>
  names.reduce<unknown>(
    (inner, name) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, name) : undefined),
    value
  )

/** Calls a method that may not be there. */
export const call = (value: unknown, name: string, ...values: unknown[]): void => {
  const method = dig(value, name)
  if (isMethod(method)) method.apply(value, values)
}

type Method = (...values: unknown[]) => unknown

const isMethod = (value: unknown): value is Method => typeof value === 'function'

/**
 * Has the parser of a session cut it where hostile bytes would throw, outside of everybody's reach: a stream whose number
 * is one of the server's own, anything behind the capsule that ends the session.
 * @param native - the package's inner session
 */
export const guardParser = (native: unknown, cut: () => void): void => {
  const parser = dig(native, 'capsParser')
  const parseData = dig(parser, 'parseData')
  const newStream = dig(parser, 'newStream')
  if (typeof parser !== 'object' || parser === null || !isMethod(parseData) || !isMethod(newStream)) return
  const isOver = (): boolean => ['closed', 'failed'].includes(`${dig(native, 'jsobj', 'state')}`)
  const guarded: Record<string, Method> = {
    parseData(...data) {
      if (isOver()) return
      try {
        parseData.apply(parser, data)
      } catch {
        cut()
      }
    },
    // Without a stream the parser stops.
    newStream: (...about) => (isOver() ? undefined : newStream.apply(parser, about))
  }
  Object.assign(parser, guarded)
}

/** The package pings once a second, and does not look whether the connection is about to be gone, which would throw. */
export const guardPing = (session: unknown): void => {
  const ping = dig(session, 'ping')
  if (typeof session !== 'object' || session === null || !isMethod(ping)) return
  const guarded: Method = (...values) => dig(session, 'destroyed') !== true && ping.apply(session, values)
  Object.assign(session, { ping: guarded })
}

/** The sockets of an HTTP/2 server: closed where no session comes of them in time, and with their last session. */
export class Http2Sockets {
  readonly #patience: number
  readonly #streams = new Map<Http2Session, number>()

  /** @param patience - milliseconds without a session */
  constructor(patience: number) {
    this.#patience = patience
  }

  /** Watches the sockets of a server of the package. */
  watch(server: unknown): void {
    const inner = dig(server, 'transportInt', 'serverInt')
    if (!(inner instanceof EventEmitter)) return
    inner.on('session', (session: Http2Session) => this.#watch(session))
    // What is there for HTTP/1 is not used.
    inner.on('secureConnection', (socket: TLSSocket) => {
      if (socket.alpnProtocol !== 'h2') socket.destroy()
    })
  }

  /** A session of WebTransport is on a stream. */
  add(stream: ServerHttp2Stream): void {
    const { session } = stream
    if (!session) return
    this.#streams.set(session, (this.#streams.get(session) ?? 0) + 1)
    stream.once('close', () => {
      const count = (this.#streams.get(session) ?? 1) - 1
      this.#streams.set(session, count)
      // Whatever was to be said was said on the stream.
      if (count === 0) session.destroy()
    })
  }

  /** Ends those without a session. */
  close(): void {
    for (const [session, count] of this.#streams) if (count === 0) session.destroy()
  }

  #watch(session: Http2Session): void {
    guardPing(session)
    this.#streams.set(session, 0)
    const timer = setTimeout(() => {
      if (this.#streams.get(session) === 0) session.destroy()
    }, this.#patience)
    session.once('close', () => {
      this.#streams.delete(session)
      clearTimeout(timer)
    })
  }
}
