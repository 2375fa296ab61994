import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import type { ServerTransformer } from '../../lib/server/listener.ts'
import type { Server as HttpServer } from 'node:http'
import type { ClientTransformer } from '../../lib/transformer.ts'

/** What the suite needs of a transformer: new for each test, and closed by the suite. */
export interface TransformerFixture {
  readonly server: ServerTransformer
  readonly client: ClientTransformer
  /** What the server half listens on, where it needs one; not listening yet. The suite closes it. */
  readonly http?: HttpServer
  /** Starts what the server half, which listens by now, does not start itself; returns the URL to dial. */
  start(): string | Promise<string>
  /** Kills all links at once, without a goodbye, as a network does. Without it recovery is not tested. */
  cut?(): void
  /** Ends what `start` started, but `http`. */
  stop?(): void | Promise<void>
}

/**
 * A fixture for transformers that work on an http.Server.
 * @param host - where it listens, on a free port
 */
export const overHttp = (
  server: ServerTransformer,
  client: ClientTransformer,
  host = '127.0.0.1'
): TransformerFixture & { readonly http: HttpServer } => {
  const http = createServer((_request, response) => response.writeHead(404).end())
  const sockets = new Set<Socket>()
  http.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return {
    server,
    client,
    http,
    start: async () => {
      await new Promise<void>(resolve => http.listen(0, host, resolve))
      const address = http.address()
      const name = host.includes(':') ? `[${host}]` : host
      return `http://${name}:${typeof address === 'object' ? address?.port : ''}`
    },
    cut: () => {
      for (const socket of sockets) socket.resetAndDestroy()
    }
  }
}

/** Closes an http.Server; never resolves while somebody keeps a connection of it open. */
export const closeHttp = async (http: HttpServer | undefined): Promise<void> => {
  if (!http?.listening) return
  await new Promise<void>(resolve => {
    http.close(() => resolve())
    http.closeIdleConnections()
  })
}
