/** anywire without defaults, for Node. */
import { connect as connectUnchecked } from './lib/client.ts'
import { checkConnect } from './lib/server/check-connect.ts'

export * from './core.browser.ts'

/**
 * Connects to a server, as in browsers; what is wrong with the options is told at once.
 * @throws ERR_OPTION, ERR_PLUGIN_NAME, ERR_PLUGIN_NEEDS
 */
export const connect: typeof connectUnchecked = (url, options) => {
  checkConnect(options)
  return connectUnchecked(url, options)
}

export { createServer } from './lib/server/server.ts'
export type { CloseOptions, ErrorInfo, Server, ServerEvents } from './lib/server/server.ts'
export type { TrustProxy } from './lib/server/address.ts'
export type {
  Accept,
  Host,
  LinkRequest,
  Listener,
  RequestHandler,
  ServerTransformer,
  UpgradeHandler
} from './lib/server/listener.ts'
export type { ContextOf } from './lib/server/contexts.ts'
export type { Counters } from './lib/server/counters.ts'
export type { HttpHeaders, HttpRequest, HttpServer } from './lib/server/http.ts'
export { httpStatus } from './lib/server/http-status.ts'
export type { ClientBundle, Recovery, ServerLimits, ServerOptions } from './lib/server/options.ts'
export type { Origins } from './lib/server/origin.ts'
export type { AuthRequest, Handshake, Peer } from './lib/server/peer.ts'
export type { BroadcastOptions, Peers } from './lib/server/peers.ts'
export type { ServerPlugin } from './lib/server/plugin.ts'
export * from './lib/failures.ts'
