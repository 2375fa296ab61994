/** The types of the core with those of servers, as each entry of the package has them that servers import. */
export type * from '../types.ts'
export type { TrustProxy } from './address.ts'
export type { ContextOf, Fitting, Judging } from './contexts.ts'
export type { Counters } from './counters.ts'
export type { HttpHeaders, HttpRequest, HttpServer } from './http.ts'
export type {
  Accept,
  Host,
  LinkRequest,
  Listener,
  RequestHandler,
  ServerTransformer,
  UpgradeHandler
} from './listener.ts'
export type { ClientBundle, Recovery, ServerLimits, ServerOptions } from './options.ts'
export type { Origins } from './origin.ts'
export type { AuthRequest, Handshake, Peer } from './peer.ts'
export type { BroadcastOptions, Peers } from './peers.ts'
export type { ServerPlugin } from './plugin.ts'
export type { CloseOptions, ErrorInfo, MulticastOptions, Server, ServerEvents } from './server.ts'
