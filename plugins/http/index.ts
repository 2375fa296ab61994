import type { During, PluginInfo } from '../../lib/plugin.ts'
import { amount, callable, checkPartOptions, text } from '../../lib/option-rules.ts'
import { Endpoint } from './endpoint.ts'
import type { HttpOptions } from './endpoint.ts'
import type { Incoming, Outgoing } from './talk.ts'
import type { HttpHost } from './worker.ts'

/** What `http` makes. */
export interface HttpPlugin<Context = unknown> extends PluginInfo {
  readonly name: 'httpApi'
  readonly version: 1
  readonly local: true
  readonly guests: HttpOptions<Context>['authenticate']
  server(server: HttpHost, during: During): void
}

/**
 * Publishing, calling and reading by HTTP requests, for those who have no connection. Servers alone.
 * @throws ERR_OPTION where the server is made
 * @example
 * createServer(web, { plugins: [pubsub(), http({ authenticate: ({ headers }) => headers.authorization === `Bearer ${key}` && 'app' })] })
 * await fetch('https://example.com/anywire/api', {
 *   method: 'POST',
 *   headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
 *   body: JSON.stringify([{ publish: 'news.sport', value: 'They won' }])
 * })
 */
export const http = <Context = unknown>(options: HttpOptions<Context>): HttpPlugin<Context> => {
  checkPartOptions('http', options, {
    authenticate: callable,
    path: text,
    limits: { bytes: amount(0), items: amount(0), requests: amount(0), time: amount(0) }
  })
  return {
    // Servers have a property `http`.
    name: 'httpApi',
    version: 1,
    local: true,
    guests: options.authenticate,
    server(server: HttpHost, during: During): void {
      const endpoint = new Endpoint(server, { ...options })
      during(() => {
        // What Node's event comes with.
        const undo = server.host.onRequest((request, response) =>
          endpoint.asked(request as Incoming, response as Outgoing)
        )
        return () => {
          undo()
          endpoint.close()
        }
      })
    }
  }
}

export type { Result } from './batch.ts'
export type { HttpLimits, HttpOptions } from './endpoint.ts'
export type { Call, Item, Publish, ReadHistory, ReadMembers, ReadRecord, ReadRetained } from './item.ts'
export type { HttpHost } from './worker.ts'
export type * from '../../lib/server/types.ts'
