/** What fragments in the documentation may use without an import: the names that its whole programs introduce. */
export const globals = `
import type * as anywire from 'anywire'
import type { IncomingMessage } from 'node:http'

type Options = anywire.ConnectOptions
declare global {
  const createServer: typeof anywire.createServer
  const connect: typeof anywire.connect
  const AnywireError: typeof anywire.AnywireError
  const retryable: typeof anywire.retryable
  const ws: typeof import('anywire/transformers/ws').ws
  const engineio: typeof import('anywire/transformers/engine.io').engineio
  const webtransport: typeof import('anywire/transformers/webtransport').webtransport
  const memory: typeof import('anywire/transformers/memory').memory
  const json: typeof import('anywire/parsers/json').json
  const msgpack: typeof import('anywire/parsers/msgpack').msgpack
  const raw: typeof import('anywire/parsers/raw').raw
  const reconnect: typeof import('anywire/plugins/reconnect').reconnect
  const offline: typeof import('anywire/plugins/offline').offline
  const wires: typeof import('anywire/plugins/wires').wires
  const http: anywire.HttpServer
  const server: anywire.Server
  const peer: anywire.Peer
  const client: anywire.DefaultClient<readonly [], object, object, object>
  const connection: anywire.Connection
  const url: string
  const value: unknown
  /** The application's own. */
  function verify(token: unknown): Promise<{ id: string; name: string }>
  function show(text: string): void
}
export type Request = IncomingMessage
`

/** What the documentation uses of React, which is not installed here. */
export const react = `
declare module 'react' {
  export const useMemo: <T>(make: () => T, keys: readonly unknown[]) => T
  export const useSyncExternalStore: <T>(subscribe: (onChange: () => void) => () => void, look: () => T) => T
}
`
