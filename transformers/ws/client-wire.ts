import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import type { ClientOptions } from 'ws'
import type { Run } from '../../lib/run.ts'
import { unixTarget } from '../../lib/server/unix-url.ts'
import type { Data, Receiver, Wire } from '../../lib/transformer.ts'
import { listen } from './socket.ts'

/** Beyond so many buffered bytes a client says "full". */
const FULL = 65_536

/** The client's end in Node: its frames are masked, each for itself, so `ws` makes them. */
class ClientWire implements Wire {
  readonly #ws: WebSocket
  readonly #socket: Socket
  /** Called for each message that was compressed, as they wait outside the socket, which tells nothing of them. */
  readonly #sent: (() => void) | undefined
  #full = false

  constructor(ws: WebSocket, socket: Socket, receiver: Receiver) {
    this.#ws = ws
    this.#socket = socket
    if (ws.extensions === '') socket.on('drain', () => receiver.drain())
    else {
      this.#sent = () => {
        if (!this.#full || this.#isFull) return
        this.#full = false
        if (ws.readyState === 1) receiver.drain()
      }
    }
  }

  get buffered(): number {
    return this.#ws.bufferedAmount
  }

  get received(): number {
    return this.#socket.bytesRead
  }

  send(data: Data): boolean {
    if (this.#ws.readyState !== 1) return false
    this.#ws.send(data, this.#sent)
    this.#full = this.#isFull
    return !this.#full
  }

  sendRun(run: Run): boolean {
    this.#socket.cork()
    let room = true
    for (const data of run.messages()) room = this.send(data)
    this.#socket.uncork()
    return room || !this.#isFull
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, reason)
  }

  abort(): void {
    this.#ws.terminate()
  }

  get #isFull(): boolean {
    // A socket that takes more than that at once has no 'drain' to tell.
    return this.buffered >= FULL && (this.#sent !== undefined || this.#socket.writableNeedDrain)
  }
}

/** Dials with the `ws` package. */
export const connectSocket = (url: URL, receiver: Receiver, signal: AbortSignal, options: ClientOptions): void => {
  const unix = unixTarget(url)
  const target = new URL(unix?.target ?? url)
  target.protocol = target.protocol.replace('http', 'ws')
  let ws: WebSocket
  try {
    ws = new WebSocket(target, unix ? { ...options, createConnection: () => connect(unix.socketPath) } : options)
  } catch (error) {
    receiver.close(1006, '', error instanceof Error ? error : undefined)
    return
  }
  const abort = (): void => ws.terminate()
  let socket: Socket | undefined
  ws.once('upgrade', response => {
    socket = response.socket
  })
  ws.once('open', () => {
    if (socket) receiver.open(new ClientWire(ws, socket, receiver))
  })
  ws.once('close', () => signal.removeEventListener('abort', abort))
  listen(ws, receiver)
  signal.addEventListener('abort', abort)
}
