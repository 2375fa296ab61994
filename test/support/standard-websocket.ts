import { WebSocket } from 'ws'

/** The class of `ws` as the one of the standard begins: that is all the difference that matters here. */
class BlobWebSocket extends WebSocket {
  constructor(url: string | URL) {
    super(url)
    this.binaryType = 'blob' as 'arraybuffer'
  }
}

/** A WebSocket class as browsers have, for Node 20. What the browser half uses of it, this one has. */
export const StandardWebSocket = BlobWebSocket as unknown as typeof globalThis.WebSocket
