import { connect } from 'node:net'
import type { ServerTransformer } from '../../lib/server/listener.ts'
import { unixTarget } from '../../lib/server/unix-url.ts'
import type { ClientTransformer } from '../../lib/transformer.ts'
import { EngineLink } from './link.ts'
import type { EngineTransport } from './link.ts'
import { EngineListener } from './listener.ts'
import { nodePlatform } from './node-platform.ts'
import { loadPackage } from './package.ts'

export interface EngineOptions {
  /** Of the client: the first one opens the session. Default `['polling', 'websocket']`; one alone is the only one. */
  readonly transports?: readonly EngineTransport[] | undefined
  /** Whether a WebSocket takes over from polling, where it is among the client's transports. Default true. */
  readonly upgrade?: boolean | undefined
  /** Of the client's requests. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** What else `node:http` and the `ws` package take for a client: `agent`, `ca`, `rejectUnauthorized` … */
  readonly client?: Readonly<Record<string, unknown>> | undefined
}

/** engine.io in Node: both halves. The server's is over the `engine.io` package. */
export const engineio = (options: EngineOptions = {}): ServerTransformer & ClientTransformer => {
  const { transports = ['polling', 'websocket'], upgrade = true, headers, client } = options
  return {
    name: 'engine.io',
    supports: { binary: true, backpressure: true, datagrams: false, closeCodes: false },
    dial(url, receiver, signal) {
      const unix = unixTarget(url)
      const secure = /^(https|wss):$/.test(url.protocol)
      const { username, password } = url
      const auth = username && { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` }
      const platform = nodePlatform(secure, {
        ...client,
        ...auth,
        ...(headers && { headers: { ...headers } }),
        // Requests know the one, WebSockets the other.
        ...(unix && { socketPath: unix.socketPath, createConnection: () => connect(unix.socketPath) })
      })
      const upgrades = upgrade && transports.includes('websocket')
      new EngineLink(unix?.target ?? url, receiver, signal, platform, upgrades).start(transports[0])
    },
    listen: (host, accept) => new EngineListener(loadPackage().Server, host, accept)
  }
}
export type { EngineTransport } from './link.ts'
export type * from '../../lib/server/types.ts'
