/*
 * What the plugin authenticate adds to the types of clients, and servers without it. Checked by `npm run types`. Nothing here runs.
 */
import { connect, createServer } from '../../index.ts'
import type { AnywireError } from '../../index.ts'
import { authenticate as inBrowsers } from '../../plugins/authenticate/client.ts'
import { authenticate } from '../../plugins/authenticate/index.ts'
import type { Authenticate } from '../../plugins/authenticate/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <T extends true>(): T | undefined => undefined

interface Claims {
  readonly user: string
  readonly exp: number
}

const client = connect('http://localhost', { plugins: [inBrowsers({ auto: false })] })
is<Equal<typeof client.authenticate, Authenticate>>()
is<Equal<ReturnType<typeof client.authenticate>, Promise<void>>>()
void client.authenticate()
void client.authenticate({ token: 'x' })
void client.authenticate(async () => Promise.resolve('x'))
client.authenticate.on('expiring', ({ within }) => is<Equal<typeof within, number>>())
client.authenticate.on('refuse', error => is<Equal<typeof error, AnywireError>>())
// @ts-expect-error: no such event
client.authenticate.on('expired', () => {})
client.auth = () => 'x'
// @ts-expect-error: a function, so that it is not printed
client.auth = 'x'
// @ts-expect-error: of servers
inBrowsers({ notice: 1 })

const server = createServer({
  port: 0,
  authenticate: (): Claims => ({ user: 'ann', exp: 0 }),
  plugins: [authenticate<Claims>({ expires: ({ exp }) => exp, same: (before, now) => before.user === now.user })]
})
// @ts-expect-error: it adds nothing to servers
void server.authenticate
// @ts-expect-error: a time is a number
authenticate<Claims>({ expires: () => 'soon' })
server.on('context', (peer, before) => {
  is<Equal<typeof peer.context, Claims>>()
  is<Equal<typeof before, unknown>>()
  is<Equal<ReturnType<typeof peer.reauthenticate>, Promise<void>>>()
  peer.expire()
})
