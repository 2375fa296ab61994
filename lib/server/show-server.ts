import { show } from '../inspect.ts'
import type { Inspect } from '../inspect.ts'
import type { HttpServer } from './http.ts'
import type { Server } from './server.ts'

/** How a server is printed. */
export const showServer =
  (server: Server & { readonly transformers: readonly string[] }) =>
  (_depth: number, options: object, inspect: Inspect): string => {
    const { http, path, transformers, plugins, peers } = server
    const names = plugins.map(({ name }) => name)
    // Whatever emits as an http.Server does may be given as one, and need not be anywhere.
    const where: Partial<HttpServer> | undefined = http
    const what = { address: where?.address?.() ?? undefined, path, transformers, plugins: names, peers: peers.size }
    return show('Server', what, options, inspect)
  }
