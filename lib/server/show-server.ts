import { show } from '../inspect.ts'
import type { Inspect } from '../inspect.ts'
import type { Server } from './server.ts'

/** How a server is printed. */
export const showServer =
  (server: Server & { readonly transformers: readonly string[] }) =>
  (_depth: number, options: object, inspect: Inspect): string => {
    const { http, path, transformers, plugins, peers } = server
    const names = plugins.map(({ name }) => name)
    const what = { address: http?.address() ?? undefined, path, transformers, plugins: names, peers: peers.size }
    return show('Server', what, options, inspect)
  }
