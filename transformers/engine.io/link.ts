import { parseJson } from '../../lib/handshake.ts'
import type { Data, Receiver, Wire } from '../../lib/transformer.ts'
import { fromPacket, sizeOf, toPacket, toText } from './packet.ts'
import { SEPARATOR } from './text.ts'

/** How engine.io carries its packets. */
export type EngineTransport = 'polling' | 'websocket'

/** What a link hears of a WebSocket. `closed` comes last; `drained` only where the platform knows. */
export interface SocketEvents {
  readonly opened: () => void
  readonly heard: (data: Data) => void
  readonly drained: () => void
  readonly closed: (code: number, error?: Error) => void
}

export interface EngineSocket {
  readonly bufferedAmount: number
  send(data: Data): void
  close(): void
  /** Ends it at once, where that can be done. */
  cut(): void
}

/** What a link needs of where it runs; made for each link. */
export interface Platform {
  /** Whether sockets tell `drained`. */
  readonly drains: boolean
  /** Posts a body, or gets. Rejects where the status is not 200, with an error whose cause it is. */
  ask(url: string, body: string | undefined, signal: AbortSignal): Promise<string>
  open(url: string, events: SocketEvents): EngineSocket
  /** The link is over. */
  free?(): void
}

/** Beyond so many bytes that did not leave a link says "full". */
const FULL = 65_536

/** How long the server may take to hear a goodbye, in milliseconds. */
const PATIENCE = 5_000

/** The client's end: protocol 4 of engine.io, https://socket.io/docs/v4/engine-io-protocol. */
export class EngineLink implements Wire {
  readonly #platform: Platform
  readonly #receiver: Receiver
  readonly #signal: AbortSignal
  readonly #base: string
  /** What may follow polling. */
  readonly #upgrades: boolean
  /** Ends requests when the link is over. */
  readonly #requests = new AbortController()
  #sid = ''
  /** What the server takes in one request, in bytes. */
  #limit = Infinity
  /** Packets that were not sent, and their bytes. */
  #queue: Data[] = []
  #queued = 0
  /** Bytes in the request that is under way. */
  #posted = 0
  #posting = false
  #polling = false
  /** Polls are over as soon as none is under way: a WebSocket takes over. */
  #pausing = false
  #probe: EngineSocket | undefined
  #socket: EngineSocket | undefined
  #full = false
  #closing = false
  /** The goodbye is under way. */
  #parting = false
  /** Nothing has to be said to the server any more. */
  #parted = false
  #over = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(url: URL, receiver: Receiver, signal: AbortSignal, platform: Platform, upgrades: boolean) {
    const { protocol, host, pathname, search } = url
    this.#base = `${protocol.replace('ws', 'http')}//${host}${pathname}${search ? `${search}&` : '?'}EIO=4&transport=`
    this.#receiver = receiver
    this.#signal = signal
    this.#platform = platform
    this.#upgrades = upgrades
    signal.addEventListener('abort', this.#aborted)
  }

  get buffered(): number {
    return this.#queued + this.#posted + (this.#socket?.bufferedAmount ?? 0)
  }

  start(transport: EngineTransport | undefined): void {
    if (transport === 'websocket') this.#socket = this.#connect()
    // What is aborted in this turn asks for nothing.
    else queueMicrotask(() => this.#over || void this.#poll())
  }

  send(data: Data): boolean {
    if (this.#over || this.#closing) return false
    this.#put(toPacket(data))
    // A socket that does not tell when it has sent something is never full.
    this.#full ||= this.buffered >= FULL && (!this.#socket || this.#platform.drains)
    return !this.#full
  }

  close(): void {
    if (this.#over || this.#closing) return
    this.#closing = true
    this.#timer = setTimeout(this.#aborted, PATIENCE)
    if (this.#socket) this.#socket.close()
    else void this.#post()
  }

  abort(): void {
    this.#end(1006)
  }

  readonly #aborted = (): void => this.abort()

  #url(transport: EngineTransport): string {
    return this.#base + transport + (this.#sid && `&sid=${encodeURIComponent(this.#sid)}`)
  }

  #put(packet: Data): void {
    if (this.#socket) return this.#socket.send(packet)
    this.#queued += packet.length
    // What is sent in this turn leaves together.
    if (this.#queue.push(packet) === 1) queueMicrotask(() => void this.#post())
  }

  async #poll(): Promise<void> {
    this.#polling = true
    try {
      do {
        const answer = await this.#platform.ask(this.#url('polling'), undefined, this.#requests.signal)
        for (const packet of answer.split(SEPARATOR)) this.#hear(packet)
      } while (!this.#over && !this.#pausing && !this.#parting)
      this.#polling = false
      this.#switch()
    } catch (error) {
      this.#polling = false
      this.#fail(error)
    }
  }

  async #post(): Promise<void> {
    if (this.#posting || this.#pausing || this.#socket || this.#over || !this.#sid) return
    const texts = this.#take()
    if (this.#closing && this.#queue.length === 0) {
      this.#parting = true
      texts.push('1')
    }
    if (texts.length === 0) return
    this.#posting = true
    try {
      await this.#platform.ask(this.#url('polling'), texts.join(SEPARATOR), this.#requests.signal)
      this.#posting = false
      this.#posted = 0
      this.#parted = this.#parting
      if (this.#parted) return this.#end(1005)
      this.#drained()
      this.#switch()
      void this.#post()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** As many packets as one request may have. */
  #take(): string[] {
    let [count, size] = [0, 0]
    for (const packet of this.#queue) {
      size += sizeOf(packet)
      if (count > 0 && size > this.#limit) break
      this.#posted += packet.length
      count++
    }
    this.#queued -= this.#posted
    return this.#queue.splice(0, count).map(toText)
  }

  #hear(packet: Data): void {
    if (this.#over && packet[0] !== '0') return
    if (packet === '1') {
      this.#parted = true
      this.#end(1005)
    } else if (packet[0] === '0') this.#opened(packet)
    else if (packet[0] === '2') this.#put(`3${packet.slice(1)}`)
    else if (packet !== '6') this.#receiver.message(fromPacket(packet))
  }

  /** @throws where it is no handshake, or not the first */
  #opened(packet: Data): void {
    const { sid, upgrades, maxPayload } = Object(parseJson(packet.slice(1))) as Record<string, unknown>
    if (this.#sid || typeof sid !== 'string' || !sid) throw new Error('no handshake of engine.io')
    this.#sid = sid
    if (this.#over) return this.#part()
    if (typeof maxPayload === 'number') this.#limit = maxPayload
    this.#receiver.open(this)
    if (this.#over || this.#socket || !this.#upgrades) return
    if (!Array.isArray(upgrades) || !upgrades.includes('websocket')) return
    try {
      this.#probe = this.#connect()
    } catch {
      // There are no WebSockets here, or they are forbidden: polls do.
    }
  }

  #connect(): EngineSocket {
    const socket = this.#platform.open(this.#url('websocket').replace('http', 'ws'), {
      opened: () => this.#probe === socket && socket.send('2probe'),
      heard: data => {
        try {
          if (this.#socket === socket) this.#hear(data)
          else if (data === '3probe') {
            this.#pausing = true
            this.#switch()
          }
        } catch (error) {
          this.#fail(error)
        }
      },
      drained: () => this.#drained(),
      closed: (code, error = new Error('the WebSocket failed')) => {
        if (this.#socket === socket) this.#end(code === 1006 || code === 1009 ? code : 1005, error)
        else this.#stay()
      }
    })
    return socket
  }

  /** From polling to the WebSocket, as soon as no request is under way. */
  #switch(): void {
    const socket = this.#probe
    if (!socket || !this.#pausing || this.#polling || this.#posting || this.#over) return
    this.#pausing = false
    this.#probe = undefined
    this.#socket = socket
    for (const packet of ['5', ...this.#queue.splice(0)]) socket.send(packet)
    this.#queued = 0
    this.#drained()
    if (this.#closing) socket.close()
  }

  /** The WebSocket came to nothing. */
  #stay(): void {
    this.#probe = undefined
    if (!this.#pausing || this.#over) return
    this.#pausing = false
    if (!this.#polling) void this.#poll()
    void this.#post()
  }

  #drained(): void {
    if (!this.#full || this.#over || (this.buffered >= FULL && this.#platform.drains)) return
    this.#full = false
    this.#receiver.drain()
  }

  #fail(error: unknown): void {
    // The handshake of a link that was given up.
    if (this.#over && !this.#sid) this.#part()
    const cause = error instanceof Error ? error : new Error(String(error))
    // What was too large would be so again.
    this.#end(cause.cause === 413 ? 1009 : 1006, cause)
  }

  #end(code: number, error?: Error): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#timer)
    this.#signal.removeEventListener('abort', this.#aborted)
    this.#socket?.cut()
    this.#probe?.cut()
    // A session that is about to open can only be left by its id.
    if (this.#polling && !this.#sid) this.#timer = setTimeout(() => this.#requests.abort(), PATIENCE)
    else this.#part()
    this.#receiver.close(code, '', code === 1005 ? undefined : error)
  }

  /** Tells the server that a session is over: a poll that ends is no news to it. */
  #part(): void {
    const free = (): void => {
      clearTimeout(this.#timer)
      this.#platform.free?.()
    }
    this.#requests.abort()
    if (this.#socket || this.#parted || !this.#sid) return free()
    const goodbye = new AbortController()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => goodbye.abort(), PATIENCE)
    void this.#platform.ask(this.#url('polling'), '1', goodbye.signal).then(free, free)
  }
}
