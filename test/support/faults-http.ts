import { createServer as createHttpServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from '../../lib/client.ts'
import type { Client } from '../../lib/client.ts'
import type { AnyClientOptions } from '../../lib/client.ts'
import type { AnyServerOptions } from '../../lib/server/options.ts'
import { createServer } from '../../lib/server/server.ts'
import { json } from '../../parsers/json.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { ws } from '../../transformers/ws/index.ts'
import type { Use } from './faults-guard.ts'
import { watch } from './faults-pair.ts'
import type { AnyServer } from './faults-pair.ts'

export interface HttpOptions {
  readonly server?: AnyServer
  /** False: nobody reads on the server. */
  readonly read?: boolean
  /** 0: a free one. */
  readonly port?: number
}

/** A server on a WebSocket, ended with the test. */
export const hostHttp = async (use: Use, { server: options, read, port = 0 }: HttpOptions = {}) => {
  const http: HttpServer = createHttpServer((_request, response) => response.writeHead(404).end())
  const every: AnyServerOptions = { transformers: [ws()], parsers: [json()], ...options }
  const server = createServer(http, { ...every, plugins: every.plugins ?? [] })
  const told = watch(server, read)
  const stop = async (): Promise<void> => {
    await server.close({ timeout: 0 })
    await new Promise<void>(resolve => {
      http.close(() => resolve())
      http.closeAllConnections()
    })
  }
  use(stop)
  await new Promise<void>(resolve => http.listen(port, '127.0.0.1', resolve))
  const { port: bound } = http.address() as AddressInfo
  const url = `http://127.0.0.1:${bound}`
  const dial = (to: string = url, more: Partial<AnyClientOptions> = {}): Client => {
    const all: AnyClientOptions = { transformers: [ws()], parser: json(), plugins: [reconnect({ min: 0 })], ...more }
    const client = connect(to, { ...all, plugins: all.plugins ?? [] })
    use(() => client.destroy())
    return client
  }
  return { http, server, told, url, port: bound, dial, stop }
}
