/**
 * The types of the core. Each entry of the package that clients import has them, so that whatever is inferred from it has a
 * name in the declaration files of others.
 */
export type { Client, ClientOptions, Each, Keeper } from './client.ts'
export type {
  Attempt,
  Connection,
  ConnectionEvents,
  End,
  Interceptors,
  Listenable,
  Lost,
  Opened,
  State,
  WriteOptions
} from './connection.ts'
export type { Undo } from './emitter.ts'
export type { AnywireError, ErrorCode, Failure } from './errors.ts'
export type { Filled, Given } from './given.ts'
export type { Goodbye } from './handshake.ts'
export type { Lane, LaneEvents } from './lane.ts'
export type { Limits } from './limits.ts'
export type { Abort, Link, LinkError } from './link.ts'
export type { Parser, ParserOptions } from './parser.ts'
export type { Interceptor } from './pipeline.ts'
export type { Checked, ClientPlugin, During, ForClients, Installed, PluginInfo } from './plugin.ts'
export type { Commit, Range, Row, Store, Value } from './store.ts'
export type { Open, Strategy } from './strategy.ts'
export type { ClientTransformer, Data, Receiver, Supports, Transformer, Wire } from './transformer.ts'
