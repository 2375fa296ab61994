/*
 * The options of the plugin http, and what it makes of a server: nothing. Checked by `npm run types`. Nothing here runs.
 */
import { AnywireError, createServer, ERR_UNAUTHORIZED } from '../../index.ts'
import { http } from '../../plugins/http/index.ts'
import type { Item, Result } from '../../plugins/http/index.ts'
import { permissions } from '../../plugins/permissions/index.ts'
import { rpc } from '../../plugins/rpc/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <T extends true>(): T | undefined => undefined

interface Context {
  readonly app: string
}

const server = createServer({
  port: 0,
  authenticate: (): Context => ({ app: 'page' }),
  plugins: [
    permissions<Context>(),
    rpc({ add: (a: number, b: number) => a + b }),
    http<Context>({
      authenticate: ({ headers, query, address }) =>
        headers.authorization === query['key'] && address !== '' ? { app: 'x' } : new AnywireError(ERR_UNAUTHORIZED),
      path: 'v1',
      limits: { items: 10 }
    })
  ]
})
// @ts-expect-error: it adds nothing
void server.httpApi
is<Equal<ReturnType<typeof server.rpc.call>, Promise<unknown>>>()
// @ts-expect-error: somebody has to say who may ask
http({})
// @ts-expect-error: this is no context of these
http<Context>({ authenticate: () => ({ name: 'x' }) })
http<Context>({ authenticate: async () => Promise.resolve(false) })

const items: readonly Item[] = [{ publish: 'a' }, { call: 'b', args: [1] }, { members: 'c' }]
// @ts-expect-error: two kinds at once, or none, are no item
const wrong: Item = { value: 1 }
declare const result: Result
if ('error' in result) is<Equal<typeof result.error.code, string>>()
void [items, wrong]
