/** anywire without defaults, for browsers. */
export { connect } from './lib/client.ts'
export type { Client, ClientOptions, Each, Keeper } from './lib/client.ts'
export type {
  Attempt,
  Connection,
  ConnectionEvents,
  End,
  Interceptors,
  Lost,
  Opened,
  State,
  WriteOptions
} from './lib/connection.ts'
export type { Undo } from './lib/emitter.ts'
export { AnywireError, retryable } from './lib/errors.ts'
export type { ErrorCode, Failure } from './lib/errors.ts'
export type { Link, LinkError } from './lib/link.ts'
export type { Open, Strategy } from './lib/strategy.ts'
export type { Lane, LaneEvents } from './lib/lane.ts'
export type { Limits } from './lib/limits.ts'
export type { Parser, ParserOptions } from './lib/parser.ts'
export type { Interceptor } from './lib/pipeline.ts'
export type { ClientPlugin, During, Installed, PluginInfo } from './lib/plugin.ts'
export type { Commit, Range, Row, Store, Value } from './lib/store.ts'
export type { ClientTransformer, Data, Receiver, Supports, Transformer, Wire } from './lib/transformer.ts'
