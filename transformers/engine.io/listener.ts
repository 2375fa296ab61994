import type { IncomingMessage, ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Server, Socket } from 'engine.io'
import { AnywireError } from '../../lib/errors.ts'
import { refuse } from '../../lib/server/refuse.ts'
import { httpStatus } from '../../lib/server/http-status.ts'
import type { Accept, Host, Listener } from '../../lib/server/listener.ts'
import type { Receiver } from '../../lib/transformer.ts'
import { allowReading, answerPreflight, isHidden, isSamePage } from './origin.ts'
import { readRequest } from './request.ts'
import type { EngineAsk } from './request.ts'
import { Session } from './session.ts'
import { webSocketEngine } from './web-sockets.ts'
import type { EngineWebSocket } from './web-sockets.ts'

/** engine.io's own pings find dead sessions where the core sends none, and keep polls below the patience of proxies. */
const PING = { pingInterval: 50_000, pingTimeout: 50_000 }

/**
 * How long the other end may take to answer a goodbye, in milliseconds; 30 seconds by default, for which a process would not end. The
 * types of `ws` do not have the option.
 */
const PATIENCE = { closeTimeout: 5_000 }

/** The same of engine.io's polling, a field without a type: it waits for polls of sessions that it has forgotten. */
const NONE = { closeTimeout: 0 }

/** What a packet adds to the largest message, at most: its type, and the padding of base64. */
const HEADROOM = 4

/** An accepted client whose session is about to be there. */
interface Accepted {
  readonly receiver: Receiver
  /** Of a poll. */
  readonly response?: ServerResponse
  /** What opens the session, and what to do when it ends before. */
  readonly source: ServerResponse | Duplex
  readonly failed: () => void
}

/** Gives engine.io its requests, and receivers their sessions. */
export class EngineListener implements Listener {
  readonly #host: Host
  readonly #accept: Accept
  readonly #engine: Server
  readonly #sessions = new Map<string, Session>()
  readonly #accepted = new Map<IncomingMessage, Accepted>()
  readonly #webSockets = new WeakMap<IncomingMessage, EngineWebSocket>()
  readonly #undos: (() => void)[]
  #closed = false

  constructor(Engine: typeof Server, host: Host, accept: Accept) {
    this.#host = host
    this.#accept = accept
    this.#engine = new Engine({
      ...PING,
      transports: ['polling', 'websocket'],
      // Bytes are polled as base64.
      maxHttpBufferSize: Math.ceil((host.limit * 4) / 3) + HEADROOM,
      httpCompression: false,
      allowRequest: (request, answer) => answer(null, this.#accepted.has(request)),
      wsEngine: webSocketEngine(this.#webSockets, { ...PATIENCE, maxPayload: host.limit + HEADROOM })
    })
    this.#engine.on('connection', (socket: Socket) => this.#open(socket))
    this.#undos = [
      // What Node's events come with.
      host.onRequest((request, response) => this.#request(request as IncomingMessage, response as ServerResponse)),
      host.onUpgrade((request, socket, head) => this.#upgrade(request as IncomingMessage, socket as Duplex, head))
    ]
  }

  /** Open sessions stay: their polls still come in. */
  close(): void {
    this.#closed = true
    this.#release()
  }

  #release(): void {
    if (this.#closed && this.#sessions.size + this.#accepted.size === 0) for (const undo of this.#undos) undo()
  }

  #request(request: IncomingMessage, response: ServerResponse): boolean {
    const ask = readRequest(request)
    if (!ask) return false
    const session = this.#sessions.get(ask.sid ?? '')
    if (this.#closed && !session) return false
    allowReading(this.#host, ask.link, response)
    if (request.method === 'OPTIONS') answerPreflight(ask.link, response)
    else if (!this.#permits(ask, session)) deny(response, 403)
    else if (session) {
      session.answers(response, request.method === 'GET' && ask.transport === 'polling')
      this.#engine.handleRequest(ask.request, response)
      session.asked()
    } else if (ask.sid === undefined && ask.transport === 'polling' && request.method === 'GET') {
      const receiver = this.#accept(ask.link)
      if (receiver instanceof AnywireError) deny(response, httpStatus(receiver), receiver.message)
      else {
        this.#expect(request, receiver, response, response)
        this.#engine.handleRequest(ask.request, response)
      }
      // It knows best what is wrong.
    } else this.#engine.handleRequest(ask.request, response)
    return true
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): boolean {
    const ask = readRequest(request)
    if (!ask) return false
    const session = this.#sessions.get(ask.sid ?? '')
    if (this.#closed && !session) return false
    const upgrade = (): void =>
      this.#engine.handleUpgrade(ask.request, socket, Buffer.from(head.buffer, head.byteOffset, head.length))
    // RFC 6455, section 4.2.1: HTTP/1.1 or higher.
    const isWebSocket = request.headers.upgrade?.toLowerCase() === 'websocket' && request.httpVersion >= '1.1'
    if (!isWebSocket || ask.transport !== 'websocket') refuse(socket, 400)
    else if (!this.#permits(ask, session)) refuse(socket, 403)
    else if (session) {
      // engine.io does not look whether a session began with a WebSocket.
      if (!session.isUpgradable) refuse(socket, 400)
      else {
        session.probed(request)
        upgrade()
      }
    } else if (ask.sid === undefined) {
      const receiver = this.#accept(ask.link)
      if (receiver instanceof AnywireError) refuse(socket, httpStatus(receiver), receiver.message)
      else {
        this.#expect(request, receiver, socket)
        upgrade()
      }
    } else upgrade()
    return true
  }

  #permits({ link }: EngineAsk, session: Session | undefined): boolean {
    return !isHidden(link) && (!session || isSamePage(this.#host, link, session.origin))
  }

  /** A session is about to open for a request, unless what it came by ends before. */
  #expect(
    request: IncomingMessage,
    receiver: Receiver,
    source: ServerResponse | Duplex,
    response?: ServerResponse
  ): void {
    const failed = (): void => {
      this.#accepted.delete(request)
      this.#release()
      receiver.close(1006, 'the handshake failed')
    }
    source.once('close', failed)
    this.#accepted.set(request, { receiver, source, failed, ...(response && { response }) })
  }

  #open(socket: Socket): void {
    const { request, transport } = socket
    const { sid } = transport
    Object.assign(transport, NONE)
    const accepted = this.#accepted.get(request)
    if (!accepted) return socket.close(true)
    const { receiver, source, failed, response } = accepted
    this.#accepted.delete(request)
    source.off('close', failed)
    const session = new Session(socket, receiver, request.headers.origin, () => {
      this.#sessions.delete(sid)
      this.#release()
    })
    this.#sessions.set(sid, session)
    const webSocket = this.#webSockets.get(request)
    if (webSocket) session.upgraded(webSocket)
    socket.on('upgrade', () => {
      const { probe } = session
      const taken = probe && this.#webSockets.get(probe)
      if (taken) session.upgraded(taken)
    })
    receiver.open(session)
    // Without the answer the client does not know its session.
    if (response) session.depend(response)
  }
}

/** Answers a request with an HTTP status. */
const deny = (response: ServerResponse, status: number, reason = STATUS_CODES[status] ?? ''): void => {
  response.writeHead(status, { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store' }).end(reason)
}
