import { connect } from '../lib/client.ts'
import type { Client, ClientOptions, Each } from '../lib/client.ts'
import type { Parser } from '../lib/parser.ts'
import type { Given } from '../lib/given.ts'
import type { ClientPlugin } from '../lib/plugin.ts'
import type { ClientTransformer } from '../lib/transformer.ts'

/** What a bundle was made of. */
export interface Parts {
  readonly transformers: readonly (() => ClientTransformer)[]
  readonly parser: () => Parser
  /** By the names of the options that configure them. */
  readonly plugins: Readonly<Record<string, (options?: object) => ClientPlugin>>
}

/** The options of a bundle's `connect`: those of the core, and one for each plugin of the bundle; false: without it. */
export interface PartsOptions extends Given<Omit<ClientOptions, 'plugins'>> {
  /** Installed in order, behind those of the bundle. */
  readonly plugins?: readonly ClientPlugin[] | undefined
  readonly [plugin: string]: unknown
}

/** Makes the `connect` of a bundle: everything in the bundle is on, unless the options say otherwise. */
export const withParts =
  ({ transformers, parser, plugins }: Parts) =>
  (url: Each<string | URL>, options: PartsOptions = {}): Client => {
    const own = Object.entries(plugins).flatMap(([name, make]) =>
      options[name] === false ? [] : make(options[name] as object | undefined)
    )
    const all: readonly ClientPlugin[] = [...own, ...(options.plugins ?? [])]
    const { transformers: wires = transformers.map(make => make()), parser: language = parser() } = options
    return connect(url, { ...options, transformers: wires, parser: language, plugins: all })
  }
