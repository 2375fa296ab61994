import type { ClientTransformer, Data, Wire } from '../../lib/transformer.ts'

export interface BrowserWsOptions {
  /** The class of the standard. Default: the global one, which browsers have, and Node from 22 on. */
  readonly WebSocket?: (new (url: string) => WebSocket) | undefined
}

/** WebSocket, over the standard's class. */
export const ws = ({ WebSocket: Socket = globalThis.WebSocket }: BrowserWsOptions = {}): ClientTransformer => ({
  name: 'ws',
  // The standard tells what is buffered, but not when it was sent; the session's window bounds it.
  supports: { binary: true, backpressure: false, datagrams: false, closeCodes: true },
  dial(url, receiver, signal) {
    const socket = new Socket(url.href.replace(/^http/, 'ws'))
    const end = ({ code = 1006, reason = '' }: Partial<CloseEvent>, error?: Error): void => {
      if (!socket.onclose) return
      socket.onopen = socket.onmessage = socket.onclose = null
      receiver.close(code, reason, error)
    }
    const wire: Wire = {
      get buffered() {
        return socket.bufferedAmount
      },
      send(data: Data) {
        // While it closes a browser drops what is sent, and complains in the console. The session sends it again.
        // A view of shared memory cannot be sent, and no parser makes one.
        if (socket.readyState === 1) socket.send(data as string | Uint8Array<ArrayBuffer>)
        return true
      },
      close: (code, reason) => socket.close(code, reason),
      abort() {
        // A socket of the standard cannot be cut. It is closed, and not listened to any more.
        end({})
        socket.close()
      }
    }
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => receiver.open(wire)
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) =>
      receiver.message(typeof data === 'string' ? data : new Uint8Array(data))
    socket.onclose = end
    // The standard does not tell why.
    socket.onerror = () => end({}, new Error('WebSocket failed'))
    signal.addEventListener('abort', () => wire.abort())
  }
})
export type * from '../../lib/types.ts'
