/** anywire for Node: server and client with WebSocket, JSON, reconnect, offline and wires. */
import { readyMade } from './bundle/ready-made.ts'
import { AnywireError } from './lib/errors.ts'
import { ERR_OPTION } from './lib/failures.ts'
import type { Given } from './lib/given.ts'
import type { Installed } from './lib/plugin.ts'
import { createServer as createCoreServer } from './lib/server/server.ts'
import type { Server } from './lib/server/server.ts'
import { checkedClient } from './lib/server/check-client.ts'
import { checkConnect } from './lib/server/check-connect.ts'
import type { Judging } from './lib/server/contexts.ts'
import type { HttpServer } from './lib/server/http.ts'
import type { ClientBundle, ServerOptions } from './lib/server/options.ts'
import type { Peer } from './lib/server/peer.ts'
import type { ServerPlugin } from './lib/server/plugin.ts'
import { json } from './parsers/json.ts'
import { offline } from './plugins/offline/index.ts'
import { reconnect } from './plugins/reconnect/index.ts'
import { wires } from './plugins/wires/index.ts'
import { ws } from './transformers/ws/index.ts'
import { withDefaults } from './with-defaults.ts'

export * from './core.ts'
export type * from './defaults.ts'

/** True is no options, which the plugin itself would look at. */
const given =
  <O, P>(make: (options?: O) => P) =>
  (options?: O | true): P =>
    make(options === true ? undefined : options)

const connectUnchecked = /* @__PURE__ */ withDefaults({
  ws,
  reconnect: given(reconnect),
  offline: given(offline),
  wires: given(wires)
})

/**
 * Connects to a server. Without options it speaks JSON over WebSocket, comes back by itself, and keeps what is written
 * meanwhile.
 * @example
 * const client = connect('https://example.com')
 * client.on('data', value => console.log(value))
 * client.write({ hello: 'world' })
 * @throws ERR_OPTION, ERR_PLUGIN_NAME, ERR_PLUGIN_NEEDS
 */
export const connect: typeof connectUnchecked = (url, options) => {
  checkConnect(url, options, ['reconnect', 'offline', 'wires'])
  return checkedClient(connectUnchecked(url, options))
}

/** The options of `createServer`: those of the core, with WebSocket, JSON and a client for browsers when no others are named. */
export interface DefaultServerOptions<P extends readonly ServerPlugin[] = readonly [], Context = unknown>
  extends
    Omit<ServerOptions<P, Context>, 'transformers' | 'parsers' | 'client'>,
    Given<Pick<ServerOptions, 'transformers' | 'parsers'>> {
  /**
   * What browsers get as `<path>/client.js` (a module) and `<path>/client.global.js` (a classic script): true (default),
   * the client that comes with anywire; false, nothing; or an own bundle, a .js or .mjs file, or a folder with those two.
   */
  readonly client?: ClientBundle | string | URL | boolean | undefined
}

type ServerOf<P extends readonly ServerPlugin[], Context> = Server<Peer<Context> & Installed<P, 'peer'>> &
  Installed<P, 'server'>

/*
 * One signature for both: of several, the compiler would tell of a mistake in an option as of a call that suits none of them.
 */

/**
 * Accepts clients on an http.Server, beside whatever else it does: `createServer(http, options?)`. Or on an own one, with a
 * `port` or a `socket`: `createServer(options)`.
 * @throws ERR_OPTION, ERR_PLUGIN_NAME, ERR_PLUGIN_NEEDS
 * @example
 * const server = createServer(http)
 * server.on('connection', peer => peer.on('data', value => server.peers.broadcast(value)))
 */
export function createServer<const P extends readonly ServerPlugin[] = readonly [], Context = undefined>(
  first: HttpServer | (DefaultServerOptions<P, Context> & Judging<P>),
  options?: DefaultServerOptions<P, Context> & Judging<P>
): ServerOf<P, Context>
export function createServer(
  first: HttpServer | DefaultServerOptions<readonly ServerPlugin[]>,
  second: DefaultServerOptions<readonly ServerPlugin[]> = {}
): Server {
  if (typeof first === 'function')
    throw new AnywireError(ERR_OPTION, 'pass the http.Server that runs the app, not the app')
  if (!isObject(first))
    throw new AnywireError(ERR_OPTION, 'the first argument must be an http.Server, or options such as { port: 8080 }')
  if (!isObject(second)) throw new AnywireError(ERR_OPTION, 'the options must be an object')
  const [http, options] = 'on' in first ? [first, second] : [undefined, first]
  if (!http && Object.keys(second).length)
    throw new AnywireError(ERR_OPTION, 'options behind options: the first argument is no http.Server')
  const { client: choice = true, transformers = [ws()], parsers = [json()] } = options
  const client = choice === true ? (readyMade() ?? false) : choice
  return createCoreServer<readonly ServerPlugin[], unknown>(http, { ...options, transformers, parsers, client })
}

/** JavaScript passes anything. */
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
