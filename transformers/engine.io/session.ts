import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'engine.io'
import type { Run } from '../../lib/run.ts'
import type { Data, Receiver, Wire } from '../../lib/transformer.ts'
import { escape, unescape } from './text.ts'
import type { EngineWebSocket } from './web-sockets.ts'

/** Beyond so many bytes that wait for polls a session says "full". */
const FULL = 65_536

/** How long the other end may take to fetch a goodbye, in milliseconds. */
const PATIENCE = 5_000

/** A session of engine.io: polls at first, then perhaps a WebSocket. */
export class Session implements Wire {
  /** Of the request that opened it. */
  readonly origin: string | undefined
  readonly #engine: Socket
  readonly #receiver: Receiver
  readonly #ended: () => void
  #webSocket: EngineWebSocket | undefined
  /** The request of a WebSocket that may take over, until it closes. */
  probe: IncomingMessage | undefined
  /** The last poll. */
  #poll: ServerResponse | undefined
  /** What brings messages now. */
  #post: ServerResponse | undefined
  /** Answers that did not leave yet. */
  readonly #answers = new Set<ServerResponse>()
  /** Bytes that wait for a poll. */
  #queued = 0
  /** Bytes of answers that did not leave yet. */
  #flying = 0
  #full = false
  #closing: readonly [code: number, reason: string] | undefined
  #timer: NodeJS.Timeout | undefined
  #code: number | undefined
  #over = false
  #heard = 0

  /** @param ended - called at the end, before the receiver is */
  constructor(engine: Socket, receiver: Receiver, origin: string | undefined, ended: () => void) {
    this.#engine = engine
    this.#receiver = receiver
    this.origin = origin
    this.#ended = ended
    engine.on('message', (data: string | Buffer | undefined) => this.#hear(data))
    engine.on('flush', () => this.#flush())
    engine.on('drain', () => this.#flushed())
    engine.on('close', (reason: string, cause: unknown) => this.#end(reason, cause))
  }

  get buffered(): number {
    return this.#queued + this.#flying + (this.#webSocket?.ws.bufferedAmount ?? 0)
  }

  get received(): number {
    return this.#heard + (this.#webSocket?.socket.bytesRead ?? 0)
  }

  get isUpgradable(): boolean {
    return !this.#webSocket && !this.probe
  }

  send(data: Data): boolean {
    if (this.#over || this.#closing) return false
    // What waits for engine.io goes first.
    if (this.#webSocket && this.#queued === 0) return this.#write([packet(data)])
    this.#queued += data.length + 1
    this.#engine.send(typeof data === 'string' ? escape(data) : data)
    return this.#hasRoom()
  }

  sendRun(run: Run): boolean {
    if (this.#over || this.#closing) return false
    if (this.#webSocket && this.#queued === 0) return this.#write(run.memo(packets))
    // All of them go into one answer: engine.io would answer a poll with the first alone.
    const { transport } = this.#engine
    const { writable } = transport
    transport.writable = false
    for (const data of run.messages()) this.send(data)
    transport.writable = writable
    if (writable) transport.emit('ready')
    return this.#hasRoom()
  }

  close(code: number, reason: string): void {
    if (this.#over || this.#closing) return
    this.#closing = [code, reason]
    this.#timer = setTimeout(() => this.abort(), PATIENCE)
    this.#finish()
  }

  abort(code = 1006): void {
    if (this.#over) return
    this.#code = code
    this.#engine.close(true)
    this.#webSocket?.ws.terminate()
    for (const answer of this.#answers) answer.destroy()
  }

  /**
   * Takes part in the answer to a request of this session.
   * @param isPoll - engine.io may answer it with what waits
   */
  answers(response: ServerResponse, isPoll: boolean): void {
    this.#answers.add(response)
    response.once('close', () => {
      this.#answers.delete(response)
      // engine.io has told the client, and goes on.
      if (response.statusCode === 413) this.abort(1009)
    })
    if (isPoll) this.#poll = response
    else if (response.req.method === 'POST') {
      this.#post = response
      response.req.on('data', (chunk: string | Buffer) => (this.#heard += chunk.length))
      response.once('close', () => {
        if (this.#post === response) this.#post = undefined
        this.#finish()
      })
    }
  }

  /** engine.io has a request of this session. */
  asked(): void {
    this.#finish()
  }

  /** A WebSocket asks to take over. */
  probed(request: IncomingMessage): void {
    this.probe = request
    request.socket.once('close', () => (this.probe = undefined))
  }

  /** A WebSocket carries the session from now on. */
  upgraded(webSocket: EngineWebSocket): void {
    this.#webSocket = webSocket
    webSocket.socket.on('drain', () => {
      this.#full = false
      if (!this.#over) this.#receiver.drain()
    })
    if (this.#queued === 0) this.#flushed()
  }

  /** What an answer carries is lost with it. */
  depend(answer: ServerResponse, size = 0): void {
    let sent = false
    this.#flying += size
    answer.once('finish', () => (sent = true))
    answer.once('close', () => {
      this.#flying -= size
      if (sent) this.#flushed()
      else this.abort()
    })
    // Not at once: engine.io is writing it.
    if (answer.destroyed) queueMicrotask(() => this.abort())
  }

  #hear(data: string | Buffer | undefined): void {
    if (this.#over) return
    if (typeof data === 'object') this.#receiver.message(new Uint8Array(data.buffer, data.byteOffset, data.length))
    else this.#receiver.message(unescape(data ?? ''))
  }

  #write(messages: readonly (string | Uint8Array)[]): boolean {
    const { ws, socket } = this.#webSocket ?? {}
    if (!socket || ws?.readyState !== 1) return false
    socket.cork()
    for (const message of messages) ws.send(message)
    socket.uncork()
    return !socket.writableNeedDrain
  }

  /** engine.io is about to hand over what waited. */
  #flush(): void {
    const size = this.#queued
    this.#queued = 0
    if (size > 0 && this.#poll && !this.#webSocket) this.depend(this.#poll, size)
  }

  #flushed(): void {
    this.#finish()
    if (!this.#full || this.#over || this.buffered >= FULL) return
    this.#full = false
    this.#receiver.drain()
  }

  #hasRoom(): boolean {
    this.#full ||= this.buffered >= FULL
    return !this.#full
  }

  /** Goes on with the goodbye, once everything is sent: by the WebSocket, or by a poll that waits. */
  #finish(): void {
    if (!this.#closing || this.#over || this.#queued > 0) return
    if (this.#webSocket) this.#webSocket.ws.close(...this.#closing)
    // engine.io would cut what is still coming in.
    else if (this.#engine.transport.writable && !this.#post) this.#engine.close(true)
  }

  #end(reason: string, cause: unknown): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#timer)
    if (!this.#webSocket) this.probe?.socket.destroy()
    this.#ended()
    const code = this.#code ?? this.#webSocket?.code ?? (reason === 'transport close' || this.#closing ? 1005 : 1006)
    if (code === 1009 || code === 1006) {
      this.#receiver.close(code, '', cause instanceof Error ? cause : new Error(`engine.io: ${reason}`))
    } else this.#receiver.close(1005, '')
  }
}

const packet = (data: Data): Data => (typeof data === 'string' ? `4${escape(data)}` : data)

const packets = (run: Run): readonly Data[] => run.messages().map(packet)
