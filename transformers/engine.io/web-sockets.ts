import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { ServerOptions, WebSocket } from 'ws'

/** A WebSocket of a session, and how it ended. */
export interface EngineWebSocket {
  readonly ws: WebSocket
  readonly socket: Duplex & { readonly bytesRead?: number }
  /** The close code, at the end. */
  code?: number
}

/** A frame longer than a number can say, a message longer than the limit. */
const TOO_LARGE: ReadonlySet<unknown> = new Set([
  'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
  'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
])

/** The WebSockets that engine.io was given, by the requests that asked for them. */
export type WebSockets = WeakMap<IncomingMessage, EngineWebSocket>

type WebSocketEngine = new (options: ServerOptions) => WebSocketServer

/** Makes the class that engine.io takes upgrades with. */
export const webSocketEngine = (opened: WebSockets, own: ServerOptions): WebSocketEngine =>
  class extends WebSocketServer {
    constructor(options: ServerOptions) {
      super({ ...options, ...own })
    }

    override handleUpgrade(
      request: IncomingMessage,
      socket: Duplex,
      head: Buffer,
      callback: (ws: WebSocket, request: IncomingMessage) => void
    ): void {
      super.handleUpgrade(request, socket, head, ws => {
        const entry: EngineWebSocket = { ws, socket }
        opened.set(request, entry)
        // Heard before engine.io hears them, and drops what they say.
        ws.on('error', (error: Error & { code?: string }) => {
          if (TOO_LARGE.has(error.code)) entry.code = 1009
        })
        ws.on('close', code => {
          entry.code ??= code
        })
        callback(ws, request)
      })
    }
  }
