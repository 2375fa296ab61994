/*
 * Whether plugins expect the contexts that a server's peers have. Checked by `npm run types`. Nothing here runs.
 */
import { createServer as createCoreServer } from '../../core.ts'
import { createServer } from '../../index.ts'
import type { AuthRequest, ContextOf, Peer, Server, ServerPlugin } from '../../index.ts'
import { json } from '../../parsers/json.ts'
import { authenticate as renewing } from '../../plugins/authenticate/index.ts'
import { http } from '../../plugins/http/index.ts'
import { permissions } from '../../plugins/permissions/index.ts'
import { presence } from '../../plugins/presence/index.ts'
import { pubsub } from '../../plugins/pubsub/index.ts'
import { records } from '../../plugins/records/index.ts'
import type { PermitQuestion } from '../../plugins/records/index.ts'
import { method, rpc } from '../../plugins/rpc/index.ts'
import type { Call, StandardSchema } from '../../plugins/rpc/index.ts'
import { memory } from '../../stores/memory.ts'
import { ws } from '../../transformers/ws/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <T extends true>(): T | undefined => undefined

interface User {
  readonly user: string
}
interface Robot {
  readonly robot: number
}
declare const text: StandardSchema<string>
const judge = async ({ auth }: AuthRequest) => typeof auth === 'string' && Promise.resolve({ user: auth, admin: true })
type Context = ContextOf<typeof judge>
is<Equal<Context, { user: string; admin: boolean }>>()

// One that is written once is the context of all: of `authenticate`, of a server, of the functions of plugins.
const server = createServer({
  authenticate: judge,
  plugins: [
    permissions<Context>({ rpc: ({ context }) => context.admin }),
    presence<Context>({ identity: ({ context }) => context.user }),
    records<Record<string, object>, Context>({ store: memory(), permit: ({ context }) => context.admin }),
    renewing<Context>({ same: (before, now) => before.user === now.user }),
    rpc({
      whoami: ({ peer }: Call<Peer<Context>>) => peer.context.user,
      deep: { down: (_part: string, call?: Call<Peer<User>>) => call?.peer.context.user },
      checked: method(
        { input: [text], output: text },
        (part, { peer }: Call<Peer<Context>>) => part + peer.context.user
      )
    }),
    pubsub()
  ]
})
is<Equal<ContextOf<typeof server>, Context>>()
is<Equal<ContextOf<Server<Peer<User> & { readonly more: 1 }>>, User>>()

// Functions that say themselves what they want say it for their plugin.
const permit = ({ context }: PermitQuestion<User>): boolean => context.user !== ''
const robots = ({ context }: PermitQuestion<Robot>): boolean => context.robot > 0
createServer({ authenticate: judge, plugins: [records({ store: memory(), permit })] })
// @ts-expect-error: no robots
createServer({ authenticate: judge, plugins: [records({ store: memory(), permit: robots })] })

// What there is may be more than is expected, and one plugin may expect more than another.
createServer({
  authenticate: judge,
  plugins: [permissions<User>(), presence<unknown>(), rpc({ add: (a: number) => a })]
})
createServer({
  authenticate: ({ plain }) => (plain ? { robot: 1 } : { user: '' }),
  plugins: [permissions<User | Robot>()]
})

// A plugin that expects another context is a mistake, and says so itself.
// @ts-expect-error: the plugin 'permissions' expects another context than 'authenticate' returns
createServer({ authenticate: judge, plugins: [permissions<Robot>()] })
// @ts-expect-error: where its parameter has no type
createServer({ authenticate: ({ auth }) => ({ user: auth }), plugins: [permissions<User>()] })
createServer({
  authenticate: (): User => ({ user: 'ann' }),
  // @ts-expect-error: the plugin 'permissions' expects another context than 'authenticate' returns
  plugins: [permissions<Robot>(), pubsub()]
})
// @ts-expect-error: it has not all that is expected
createServer({ authenticate: (): User => ({ user: 'ann' }), plugins: [presence<Context>()] })
// @ts-expect-error: nobody is let in without a robot
createServer({ authenticate: ({ plain }) => (plain ? { robot: 1 } : { user: '' }), plugins: [permissions<Robot>()] })
// @ts-expect-error: records
createServer({ authenticate: judge, plugins: [records<Record<string, object>, Robot>({ store: memory() })] })
// @ts-expect-error: authenticate
createServer({ authenticate: judge, plugins: [renewing<Robot>({ same: () => true })] })
// @ts-expect-error: a handler
createServer({ authenticate: judge, plugins: [rpc({ who: ({ peer }: Call<Peer<Robot>>) => peer.context.robot })] })
createServer({
  authenticate: judge,
  // @ts-expect-error: one deep inside, among others
  plugins: [rpc({ a: { b: (_call: Call<Peer<Robot>>) => 1, c: () => 1 }, d: () => 1 })]
})
createServer({
  authenticate: judge,
  // @ts-expect-error: one with schemas
  plugins: [rpc({ a: method({ input: [text] }, (_, { peer }: Call<Peer<Robot>>) => peer.id) })]
})
createServer({
  authenticate: judge,
  // @ts-expect-error: what stands around handlers
  plugins: [rpc({}, { use: [({ peer }: Call<Peer<Robot>>, next) => peer.context.robot && next()] })]
})
createServer({
  authenticate: judge,
  plugins: [rpc({}, { use: [({ peer }: Call<Peer<User>>, next) => peer.context.user && next()] })]
})
createCoreServer(undefined, {
  transformers: [ws()],
  parsers: [json()],
  authenticate: judge,
  // @ts-expect-error: of the core too
  plugins: [permissions<Robot>()]
})

// Without `authenticate` there is no context.
createServer({ plugins: [permissions(), presence(), records({ store: memory() }), rpc()] })
createServer({ plugins: [permissions<User | undefined>()] })
// @ts-expect-error: `authenticate` is missing
createServer({ plugins: [permissions<User>()] })
// @ts-expect-error: in the core too
createCoreServer(undefined, { transformers: [ws()], parsers: [json()], plugins: [permissions<User>()] })

// Guests have contexts too.
const robot = http({ authenticate: ({ headers }) => headers.authorization === 'x' && { robot: 1 } })
createServer({ authenticate: judge, plugins: [permissions<Context | Robot>(), robot] })
createServer({ plugins: [permissions<Robot | undefined>(), robot] })
// @ts-expect-error: robots ask too
createServer({ authenticate: judge, plugins: [permissions<Context>(), robot] })
// @ts-expect-error: and others connect
createServer({ plugins: [permissions<Robot>(), robot] })

// Plugins of one's own are no different: what their hooks take is what they expect.
const greeter = () =>
  ({
    name: 'greeter',
    version: 1,
    peer: (peer: Peer<User>) => ({ greeting: `Hello ${peer.context.user}` })
  }) as const satisfies ServerPlugin
createServer({ authenticate: judge, plugins: [greeter()] }).on('connection', peer => peer.greeter.greeting)
// @ts-expect-error: the plugin 'greeter' expects another context than 'authenticate' returns
createServer({ authenticate: () => ({ robot: 1 }), plugins: [greeter()] })
// A list of any length is for those who build it at run time.
const list: readonly ServerPlugin[] = [permissions<User>()]
createServer({ authenticate: judge, plugins: list })
createServer({ plugins: list })
