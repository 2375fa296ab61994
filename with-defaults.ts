// What `anywire` has and `anywire/core` has not: the parts that a client gets when nobody names others.
import type { ConnectOptions, DefaultClient, OfflineOptions, ReconnectOptions, WiresOptions } from './defaults.ts'
import { connect } from './lib/client.ts'
import type { Client, Each } from './lib/client.ts'
import type { ClientPlugin } from './lib/plugin.ts'
import type { ClientTransformer } from './lib/transformer.ts'
import { json } from './parsers/json.ts'

/**
 * The defaults, each of which has a half for Node and one for browsers. True has no properties, and so means to the latter what
 * no options do.
 */
interface Halves {
  ws(): ClientTransformer
  reconnect(options?: ReconnectOptions | true): ClientPlugin
  offline(options?: OfflineOptions | true): ClientPlugin
  wires(options?: WiresOptions | true): ClientPlugin
}

/** Makes `connect` with defaults: WebSocket, JSON, reconnect, offline, and a choice where there are several transformers. */
export const withDefaults =
  (halves: Halves) =>
  <
    const P extends readonly ClientPlugin[] = readonly [],
    const R extends ReconnectOptions | boolean = ReconnectOptions,
    const O extends OfflineOptions | boolean = OfflineOptions,
    const W extends WiresOptions | boolean = WiresOptions
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
