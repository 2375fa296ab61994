import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Run } from '../../lib/run.ts'
import type { Data, Receiver, Wire } from '../../lib/transformer.ts'
import { frameMessage, frameRun, frameText } from './frame.ts'
import { FrameReader } from './reader.ts'
import type { Listener } from './reader.ts'
import { listen } from './socket.ts'

/** The socket of an http.Server, which counts what it reads. */
type Socket = Duplex & { readonly bytesRead?: number }

/**
 * The server's end: values are framed here, once for all connections, and written to the socket in one piece a turn; what
 * is left to `ws` is reading, and control frames.
 */
class ServerWire implements Wire {
  readonly #ws: WebSocket
  readonly #socket: Socket
  readonly #frameRun: (run: Run) => Buffer

  constructor(ws: WebSocket, socket: Socket, frameRun: (run: Run) => Buffer) {
    this.#ws = ws
    this.#socket = socket
    this.#frameRun = frameRun
  }

  get buffered(): number {
    return this.#socket.writableLength
  }

  get received(): number {
    return this.#socket.bytesRead ?? 0
  }

  send(data: Data): boolean {
    return this.#ws.readyState === 1 && this.#socket.write(frameMessage(data))
  }

  sendRun(run: Run): boolean {
    if (this.#ws.readyState !== 1) return false
    const text = run.shared || this.#frameRun !== frameRun ? undefined : frameText(run)
    return text === undefined ? this.#socket.write(run.memo(this.#frameRun)) : this.#socket.write(text, 'latin1')
  }

  ping(): void {
    this.#ws.ping()
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, reason)
  }

  abort(): void {
    this.#ws.terminate()
  }
}

/**
 * Serves an accepted WebSocket, of which nothing was read.
 *
 * @param limit - the largest message, in bytes
 */
export const acceptSocket = (
  ws: WebSocket,
  socket: Socket,
  receiver: Receiver,
  frameRun: (run: Run) => Buffer,
  limit: number
): void => {
  listen(ws, receiver)
  // Of several pings the last may be answered alone (RFC 6455, section 5.5.3), or who never reads would fill the memory.
  let ping: Buffer | undefined
  const answer = (): void => {
    if (!ping || socket.writableNeedDrain) return
    ws.pong(ping)
    ping = undefined
  }
  const pinged = (payload: Buffer): void => {
    ping = payload
    answer()
  }
  ws.on('ping', pinged)
  socket.on('drain', () => {
    answer()
    receiver.drain()
  })
  // `ws` was the last to listen. What is compressed, or may be, is its own.
  const others = socket.listeners('data').at(-1)
  if (others && ws.extensions === '') new FrameReader(socket, others as Listener, limit, receiver, pinged).start()
  receiver.open(new ServerWire(ws, socket, frameRun))
}
