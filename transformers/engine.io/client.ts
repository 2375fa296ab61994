import type { ClientTransformer } from '../../lib/transformer.ts'
import { EngineLink } from './link.ts'
import type { EngineTransport, Platform } from './link.ts'

export interface BrowserEngineOptions {
  /** The first one opens the session. Default `['polling', 'websocket']`; one alone is the only one. */
  readonly transports?: readonly EngineTransport[] | undefined
  /** Whether a WebSocket takes over from polling, where it is among the transports. Default true. */
  readonly upgrade?: boolean | undefined
  /** Of the page's requests to other sites: 'include' sends cookies there too. Default 'same-origin'. */
  readonly credentials?: RequestCredentials | undefined
  /** The function of the standard. Default: the global one. */
  readonly fetch?: typeof globalThis.fetch | undefined
  /** The class of the standard. Default: the global one. */
  readonly WebSocket?: (new (url: string) => WebSocket) | undefined
}

/** engine.io, over the standard's `fetch` and `WebSocket`. */
export const engineio = (options: BrowserEngineOptions = {}): ClientTransformer => {
  const { transports = ['polling', 'websocket'], upgrade = true } = options
  return {
    name: 'engine.io',
    // The standard tells what is buffered, but not when it was sent; the session's window bounds it.
    supports: { binary: true, backpressure: false, datagrams: false, closeCodes: false },
    dial(url, receiver, signal) {
      const upgrades = upgrade && transports.includes('websocket')
      new EngineLink(url, receiver, signal, platform(options), upgrades).start(transports[0])
    }
  }
}

const platform = ({
  credentials = 'same-origin',
  fetch = globalThis.fetch,
  WebSocket: Socket = globalThis.WebSocket
}: BrowserEngineOptions): Platform => ({
  drains: false,
  async ask(url, body, signal) {
    // The goodbye of a page that is left behind shall leave, too.
    const response = await fetch(url, {
      credentials,
      keepalive: body === '1',
      ...(body !== undefined && { method: 'POST', body }),
      signal
    })
    const text = await response.text()
    if (response.ok) return text
    throw new Error(`HTTP ${response.status}: ${text}`, { cause: response.status })
  },
  open(url, { opened, heard, closed }) {
    const socket = new Socket(url)
    socket.binaryType = 'arraybuffer'
    socket.onopen = opened
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) =>
      heard(typeof data === 'string' ? data : new Uint8Array(data))
    socket.onclose = ({ code }) => closed(code)
    // The standard does not tell why, and an end follows.
    socket.onerror = () => {}
    return {
      get bufferedAmount() {
        return socket.bufferedAmount
      },
      send(data) {
        // While it closes a browser drops what is sent, and complains in the console. The session sends it again.
        // A view of shared memory cannot be sent, and no parser makes one.
        if (socket.readyState === 1) socket.send(data as string | Uint8Array<ArrayBuffer>)
      },
      close: () => socket.close(),
      cut: () => socket.close()
    }
  }
})
export type { EngineTransport } from './link.ts'
export type * from '../../lib/types.ts'
