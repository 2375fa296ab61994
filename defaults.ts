// What `anywire` has and `anywire/core` has not: the parts that a client gets when nobody names others.
import { connect } from './lib/client.ts'
import type { Client, ClientOptions, Each } from './lib/client.ts'
import type { Checked, ClientPlugin, ForClients, Installed } from './lib/plugin.ts'
import type { Given } from './lib/given.ts'
import type { ClientTransformer } from './lib/transformer.ts'
import { json } from './parsers/json.ts'
import type { Offline, OfflineOptions } from './plugins/offline/client.ts'
import type { Reconnect, ReconnectOptions } from './plugins/reconnect/client.ts'
import type { Wires, WiresOptions } from './plugins/wires/client.ts'

export type { DiscardReason, OfflineEvents } from './plugins/offline/client.ts'
export type { ReconnectEvents } from './plugins/reconnect/client.ts'
export type { WiresEvents } from './plugins/wires/client.ts'
export type { Offline, OfflineOptions, Reconnect, ReconnectOptions, Wires, WiresOptions }

export interface ConnectOptions<
  P extends readonly ClientPlugin[] = readonly [],
  R extends ReconnectOptions | false = ReconnectOptions,
  O extends OfflineOptions | false = OfflineOptions,
  W extends WiresOptions | false = WiresOptions
> extends Given<Omit<ClientOptions, 'plugins'>> {
  /** Installed in order, behind reconnect, offline and wires. */
  readonly plugins?: (P & Checked<P, 'reconnect' | 'offline' | 'wires'> & ForClients<P>) | undefined
  /** Options of the reconnect plugin; false: without it. */
  readonly reconnect?: R | undefined
  /** Options of the offline plugin; false: without it. */
  readonly offline?: O | undefined
  /** Options of the wires plugin, which chooses among several transformers; false: they are tried in order. */
  readonly wires?: W | undefined
}

/** A client with the plugins that were left on. */
export type DefaultClient<P extends readonly ClientPlugin[], R, O, W> = Client &
  Installed<P, 'client'> &
  (R extends false ? unknown : { readonly reconnect: Reconnect }) &
  (O extends false ? unknown : { readonly offline: Offline }) &
  (W extends false ? unknown : { readonly wires: Wires })

/** The defaults, each of which has a half for Node and one for browsers. */
interface Halves {
  readonly ws: () => ClientTransformer
  readonly reconnect: (options?: ReconnectOptions) => ClientPlugin
  readonly offline: (options?: OfflineOptions) => ClientPlugin
  readonly wires: (options?: WiresOptions) => ClientPlugin
}

/** Makes `connect` with defaults: WebSocket, JSON, reconnect, offline, and a choice where there are several transformers. */
export const withDefaults =
  (halves: Halves) =>
  <
    const P extends readonly ClientPlugin[] = readonly [],
    const R extends ReconnectOptions | false = ReconnectOptions,
    const O extends OfflineOptions | false = OfflineOptions,
    const W extends WiresOptions | false = WiresOptions
  >(
    url: Each<string | URL>,
    options: ConnectOptions<P, R, O, W> = {}
  ): DefaultClient<P, R, O, W> => {
    const plugins: readonly ClientPlugin[] = options.plugins ?? []
    const own: ClientPlugin[] = []
    if (options.reconnect !== false) own.push(halves.reconnect(options.reconnect))
    if (options.offline !== false) own.push(halves.offline(options.offline))
    if (options.wires !== false) own.push(halves.wires(options.wires))
    const all: readonly ClientPlugin[] = [...own, ...plugins]
    const { transformers = [halves.ws()], parser = json() } = options
    const client: Client = connect(url, { ...options, transformers, parser, plugins: all })
    // What the options switch on is installed: the types follow the same conditions as the lines above.
    return client as DefaultClient<P, R, O, W>
  }
