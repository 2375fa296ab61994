import type { ClientTransformer, Data, Receiver, Wire } from '../../lib/transformer.ts'

/** The part of the standard's WebSocket that a client needs. */
export type WebSocketClass = new (url: string | URL) => WebSocket

export interface BrowserWsOptions {
  /** Default: the global one. */
  readonly WebSocket?: WebSocketClass
}

class SocketWire implements Wire {
  readonly #socket: WebSocket

  constructor(socket: WebSocket) {
    this.#socket = socket
  }

  get buffered(): number {
    return this.#socket.bufferedAmount
  }

  send(data: Data): boolean {
    // A view of shared memory cannot be sent, and no parser makes one.
    if (this.#socket.readyState === 1) this.#socket.send(data as string | Uint8Array<ArrayBuffer>)
    return true
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason)
  }

  abort(): void {
    // The standard's WebSocket cannot be cut; what it still tells is ignored by now.
    this.#socket.close()
  }
}

/** WebSocket, over the standard's class: browsers, and Node from 22 on. */
export const ws = ({ WebSocket = globalThis.WebSocket }: BrowserWsOptions = {}): ClientTransformer => ({
  name: 'ws',
  // A standard WebSocket tells what is buffered, but not when it was sent; the session's window bounds it.
  supports: { binary: true, backpressure: false, datagrams: false, closeCodes: true },
  dial(url, receiver, signal) {
    const target = new URL(url)
    target.protocol = url.protocol.replace('http', 'ws')
    let socket: WebSocket
    try {
      socket = new WebSocket(target)
    } catch (error) {
      receiver.close(1006, '', error instanceof Error ? error : undefined)
      return
    }
    socket.binaryType = 'arraybuffer'
    connect(socket, receiver, signal)
  }
})

const connect = (socket: WebSocket, receiver: Receiver, signal: AbortSignal): void => {
  const end = (code: number, reason: string, error?: Error): void => {
    socket.onopen = socket.onmessage = socket.onclose = null
    signal.removeEventListener('abort', abort)
    receiver.close(code, reason, error)
  }
  const abort = (): void => {
    end(1006, 'aborted')
    socket.close()
  }
  const wire = new SocketWire(socket)
  socket.onopen = () => receiver.open(wire)
  socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) =>
    receiver.message(typeof data === 'string' ? data : new Uint8Array(data))
  socket.onclose = ({ code, reason }) => end(code, reason)
  signal.addEventListener('abort', abort)
}
