import { WebSocket } from 'ws'

/** The class of `ws` as the one of the standard begins: that is all the difference that matters here. */
class BlobWebSocket extends WebSocket {
  constructor(url: string | URL) {
    super(url)
    this.binaryType = 'blob' as 'arraybuffer'
  }

  /** Browsers drop what is sent when the socket closes, and write an error to the console, which is nobody's. */
  override send(data: string | Uint8Array): void {
    if (this.readyState > this.OPEN) throw new Error('WebSocket is already in CLOSING or CLOSED state.')
    super.send(data)
  }
}

/** A WebSocket class as browsers have, for Node 20. What the browser half uses of it, this one has. */
export const StandardWebSocket = BlobWebSocket as unknown as typeof globalThis.WebSocket
