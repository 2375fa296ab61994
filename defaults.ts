// The types of `connect` as `anywire` has it: those of the parts that a client gets when nobody names others.
import type { Client, ClientOptions } from './lib/client.ts'
import type { Checked, ClientPlugin, ForClients, Installed } from './lib/plugin.ts'
import type { Given } from './lib/given.ts'
import type { Offline, OfflineOptions } from './plugins/offline/client.ts'
import type { Reconnect, ReconnectOptions } from './plugins/reconnect/client.ts'
import type { Wires, WiresOptions } from './plugins/wires/client.ts'

export type { DiscardReason, OfflineEvents } from './plugins/offline/client.ts'
export type { ReconnectEvents } from './plugins/reconnect/client.ts'
export type { WiresEvents } from './plugins/wires/client.ts'
export type { Offline, OfflineOptions, Reconnect, ReconnectOptions, Wires, WiresOptions }

export interface ConnectOptions<
  P extends readonly ClientPlugin[] = readonly [],
  R extends ReconnectOptions | boolean = ReconnectOptions,
  O extends OfflineOptions | boolean = OfflineOptions,
  W extends WiresOptions | boolean = WiresOptions
> extends Given<Omit<ClientOptions, 'plugins'>> {
  /** Installed in order, behind reconnect, offline and wires. */
  readonly plugins?: (P & Checked<P, 'reconnect' | 'offline' | 'wires'> & ForClients<P>) | undefined
  /** Options of the reconnect plugin; true: its defaults; false: without it. */
  readonly reconnect?: R | undefined
  /** Options of the offline plugin; true: its defaults; false: without it. */
  readonly offline?: O | undefined
  /** Options of the wires plugin, which chooses among several transformers; true: its defaults; false: they are tried in order. */
  readonly wires?: W | undefined
}

/** What a plugin adds, where it was left on; where only the run of the program tells whether it was, perhaps. */
type Left<Choice, Added> = [Choice] extends [false]
  ? unknown
  : false extends Extract<Choice, boolean>
    ? Partial<Added>
    : Added

/** A client with the plugins that were left on. */
export type DefaultClient<P extends readonly ClientPlugin[], R, O, W> = Client &
  Installed<P, 'client'> &
  Left<R, { readonly reconnect: Reconnect }> &
  Left<O, { readonly offline: Offline }> &
  Left<W, { readonly wires: Wires }>
