import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import { AnywireError } from '../../lib/errors.ts'
import { refuse } from '../../lib/server/refuse.ts'
import { httpStatus } from '../../lib/server/http-status.ts'
import type { Accept, Host, Listener, ServerTransformer } from '../../lib/server/listener.ts'
import type { ClientTransformer } from '../../lib/transformer.ts'
import { connectSocket } from './client-wire.ts'
import { compressRun, frameRun } from './frame.ts'
import { acceptSocket } from './server-wire.ts'

export interface WsOptions {
  /**
   * Compresses messages of at least so many bytes (permessage-deflate), where the other end does so too; true: 1,024.
   * A broadcast is compressed once. Default false: it costs CPU, and memory for each connection that sends.
   */
  readonly compression?: boolean | { readonly threshold: number } | undefined
  /** Of the client's request. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** What else the `ws` package takes for a client: `agent`, `ca`, `rejectUnauthorized` … */
  readonly client?: Readonly<Record<string, unknown>> | undefined
}

/** How long the other end may take to answer a close frame. The package takes it, its types do not have it yet. */
const PATIENCE = { closeTimeout: 5_000 }

/** WebSocket in Node, over the `ws` package: both halves. */
export const ws = ({ compression = false, headers, client }: WsOptions = {}): ServerTransformer & ClientTransformer => {
  const threshold = compression === true ? 1_024 : compression && compression.threshold
  return {
    name: 'ws',
    supports: { binary: true, backpressure: true, datagrams: false, closeCodes: true },
    dial(url, receiver, signal) {
      // With a context between messages `ws` compresses all of them, whatever the threshold.
      const perMessageDeflate = threshold !== false && { threshold, clientNoContextTakeover: true }
      connectSocket(url, receiver, signal, {
        perMessageDeflate,
        ...PATIENCE,
        ...client,
        ...(headers && { headers })
      })
    },
    listen: (host, accept) => listen(host, accept, threshold)
  }
}

const listen = (host: Host, accept: Accept, threshold: number | false): Listener => {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    autoPong: false,
    ...PATIENCE,
    maxPayload: host.limit,
    // Without a context between messages a compressed message is the same for all; other windows would not be.
    perMessageDeflate: threshold !== false && { serverNoContextTakeover: true, serverMaxWindowBits: 15 }
  })
  const compressed = threshold === false ? frameRun : compressRun(threshold)
  const undo = host.onUpgrade((asked, taken, head) => {
    // What Node's upgrade event comes with.
    const request = asked as IncomingMessage
    const socket = taken as Duplex
    // RFC 6455, section 4.2.1: HTTP/1.1 or higher.
    if (request.headers.upgrade?.toLowerCase() !== 'websocket' || request.httpVersion < '1.1') return false
    // Those of engine.io clients are for its transformer, wherever that stands in the list.
    if (/[?&]EIO=/.test(request.url ?? '') && /[?&]transport=/.test(request.url ?? '')) return false
    const receiver = accept({ url: request.url ?? '', headers: request.headers, address: addressOf(socket), request })
    if (receiver instanceof AnywireError) refuse(socket, httpStatus(receiver), receiver.message)
    else {
      const failed = (): void => receiver.close(1006, 'the upgrade failed')
      socket.once('close', failed)
      server.handleUpgrade(
        request,
        socket,
        Buffer.from(head.buffer, head.byteOffset, head.length),
        (opened: WebSocket) => {
          socket.off('close', failed)
          acceptSocket(opened, socket, receiver, opened.extensions === '' ? frameRun : compressed, host.limit)
        }
      )
    }
    return true
  })
  return { close: undo }
}

/** The address of the other end; '' for a unix socket. */
const addressOf = (socket: Duplex): string =>
  'remoteAddress' in socket && typeof socket.remoteAddress === 'string' ? socket.remoteAddress : ''
export type * from '../../lib/server/types.ts'
