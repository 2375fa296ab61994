/*
 * What is known of contexts, values, events and errors at compile time. Checked by `npm run types`. Nothing here runs.
 */
import { createServer as createHttpServer } from 'node:http'
import { AnywireError, connect, createServer, ERR_UNAUTHORIZED } from '../../index.ts'
import type {
  AuthRequest,
  Client,
  Connection,
  Data,
  End,
  ErrorCode,
  Handshake,
  Interceptor,
  Parser,
  Peer,
  Server,
  State,
  Undo
} from '../../index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type IsAny<T> = 0 extends 1 & T ? true : false
const is = <T extends true>(): T | undefined => undefined

/** The context of a server's peers. */
type ContextOf<S> = S extends Server<infer P> ? (P extends Peer<infer C> ? C : never) : never

interface User {
  readonly name: string
}
const user: User = { name: 'ada' }

// What `authenticate` returns is the context, without the promise and without false.
const sync = createServer({ authenticate: () => user })
is<Equal<ContextOf<typeof sync>, User>>()
const refusing = createServer({ authenticate: ({ auth }) => auth === 'good' && user })
is<Equal<ContextOf<typeof refusing>, User>>()
const asynchronous = createServer({ authenticate: async () => Promise.resolve(user) })
is<Equal<ContextOf<typeof asynchronous>, User>>()
const both = createServer({ authenticate: async ({ auth }) => (await Promise.resolve(auth)) === 'good' && user })
is<Equal<ContextOf<typeof both>, User>>()
const none = createServer({ port: 0 })
is<Equal<ContextOf<typeof none>, undefined>>()
const telling = createServer({
  authenticate: ({ auth }) => (auth === 'good' ? user : new AnywireError(ERR_UNAUTHORIZED, 'log in first'))
})
is<Equal<ContextOf<typeof telling>, User>>()
const tellingLater = createServer({
  authenticate: async ({ auth }) => {
    if (auth === undefined) return false
    return (await Promise.resolve(auth)) === 'good' ? user : new AnywireError(ERR_UNAUTHORIZED)
  }
})
is<Equal<ContextOf<typeof tellingLater>, User>>()
const several = createServer({ authenticate: ({ plain }) => (plain ? { guest: true as const } : user) })
several.on('connection', ({ context }) => {
  is<Equal<IsAny<typeof context>, false>>()
  const name: string = 'guest' in context ? 'a guest' : context.name
  void name
})
both.on('connection', ({ context }) => {
  const { name }: User = context
  // @ts-expect-error: a context is as it was judged
  context.name = ''
  // @ts-expect-error: false is no context
  is<Equal<typeof context, User | false>>()
  void name
})

// `authenticate` sees what a client showed, which nobody knows the type of.
createServer({
  authenticate: request => {
    is<Equal<typeof request, AuthRequest>>()
    is<Equal<typeof request.auth, unknown>>()
    is<Equal<typeof request.query, Readonly<Record<string, string>>>>()
    // @ts-expect-error: unknown until it is looked at
    void request.auth.token
    return {}
  }
})
both.on('refused', (error, handshake) => {
  is<Equal<typeof handshake, Handshake>>()
  is<Equal<typeof error.code, ErrorCode>>()
  // @ts-expect-error: secrets are for `authenticate` alone
  void handshake.auth
})

// Values are unknown until somebody looks at them, on every way in.
const client = connect('http://localhost')
client.on('data', value => is<Equal<typeof value, unknown>>())
client.on('lost', ({ values }) => is<Equal<typeof values, readonly unknown[]>>())
client.incoming.use((value, next) => {
  is<Equal<typeof value, unknown>>()
  next(value)
})
export const read = async (connection: Connection): Promise<void> => {
  for await (const value of connection) is<Equal<typeof value, unknown>>()
  const { value } = await connection.readable.getReader().read()
  is<Equal<typeof value, unknown>>()
  await connection.writable.getWriter().write({ any: 'value' })
}

// Events, states and undos.
client.on('close', end => is<Equal<typeof end, End>>())
client.on('error', error => is<Equal<typeof error, AnywireError>>())
is<Equal<typeof client.state, State>>()
const undos: Undo[] = [
  client.on('drain', () => {}),
  client.once('open', async () => {}),
  client.outgoing.use((value, next) => next(value))
]
// @ts-expect-error: `drain` tells nothing
client.on('drain', (value: string) => value)
// @ts-expect-error: no such state
if (client.state === 'opening') client.end()
// @ts-expect-error: an id is given, not taken
client.id = 'mine'
// @ts-expect-error: interceptors pass on by calling, not by returning
const returning: Interceptor = value => value
// @ts-expect-error: a client makes no `connection`
client.on('connection', () => {})

// URL and auth may be functions, also asynchronous.
connect(() => 'http://localhost', { auth: async () => Promise.resolve({ token: 'x' }) })
connect(async () => Promise.resolve(new URL('http://localhost')), { auth: 'token', query: { a: 'b' }, schema: 3 })
// @ts-expect-error: a query is text
connect('http://localhost', { query: { page: 1 } })
// @ts-expect-error: no such limit
connect('http://localhost', { limits: { connections: 3 } })
createServer({
  limits: { connections: 3, rate: false },
  origins: ['https://example.com', /\.example\.com$/],
  trustProxy: ['10.0.0.0/8']
})
// @ts-expect-error: origins are a list, an expression in it, a function, or all
createServer({ origins: /example/ })

// Either end is a Connection, and a client is no peer.
export const either = (connection: Connection): boolean => connection.write('hello', { reliable: false })
none.on('connection', peer => either(peer))
either(client)
// @ts-expect-error: only servers know addresses
void client.address
const asClient: Client = client
// @ts-expect-error: peers do not open
none.on('connection', peer => void peer.open)

// Parsers give back what nobody can know.
export const parse = (parser: Parser, data: Data): unknown => {
  const value = parser.decode(data)
  is<Equal<typeof value, unknown>>()
  const encoded = parser.encode(value)
  is<Equal<typeof encoded, string | Uint8Array>>()
  return encoded
}

// Errors: one class, whose codes are known.
const failed = (error: unknown): ErrorCode | undefined => (error instanceof AnywireError ? error.code : undefined)
// @ts-expect-error: no such code
export const wrong: boolean = failed(undefined) === 'ERR_NONSENSE'

// Nothing leaks any.
is<Equal<IsAny<ContextOf<typeof both>>, false>>()
is<Equal<IsAny<typeof client>, false>>()
is<Equal<IsAny<typeof client.parser>, false>>()
is<Equal<IsAny<typeof none.http>, false>>()
is<Equal<IsAny<Awaited<ReturnType<typeof client.ping>>>, false>>()

export const used = [undos, returning, asClient]

// A mistake is told where it is, and not of the call: there is one signature, whose parameters are those of both forms.
is<Equal<Parameters<typeof createServer>['length'], 1 | 2>>()
createServer({
  port: 0,
  // @ts-expect-error: no number
  heartbeat: '1'
})
createServer(createHttpServer(), {
  // @ts-expect-error: no such option
  hartbeat: 1
})
createServer({
  port: 0,
  // @ts-expect-error: no such option
  hartbeat: 1
})
