/*
 * What the compiler must know, and what it must refuse. Checked against the sources by `npm run types`, and against the packed
 * package with the imports rewritten. Nothing here runs.
 */
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer } from '../../index.ts'
import type { ClientPlugin, Connection, Lane, Peer, ServerPlugin } from '../../index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type IsAny<T> = 0 extends 1 & T ? true : false
const is = <T extends true>(): T | undefined => undefined

// Two plugins: one with all halves, one that needs it.
const tally = () =>
  ({
    name: 'tally',
    version: 1,
    client: (_client: Connection, lane: Lane) => ({ add: (count: number) => lane.write(count) }),
    server: () => ({ total: () => 42 }),
    peer: () => ({ count: 0 })
  }) as const satisfies ClientPlugin & ServerPlugin

const chart = () =>
  ({
    name: 'chart',
    version: 1,
    needs: ['tally'],
    client: () => ({ draw: (): string => '' })
  }) as const satisfies ClientPlugin

// An installed plugin is typed without annotation.
const client = connect('http://localhost', { plugins: [tally(), chart()] })
const added: boolean = client.tally.add(1)
const drawn: string = client.chart.draw()
is<Equal<Parameters<typeof client.tally.add>, [count: number]>>()
// @ts-expect-error: it takes a number
client.tally.add('1')
// @ts-expect-error: a plugin that is not installed
void client.rpc

// A missing need, a wrong order and a name that is taken are compile errors.
// @ts-expect-error: the plugin 'chart' needs 'tally' before it
connect('http://localhost', { plugins: [chart()] })
// @ts-expect-error: the plugin 'chart' needs 'tally' before it
connect('http://localhost', { plugins: [chart(), tally()] })
// @ts-expect-error: the plugin 'tally' is there twice
connect('http://localhost', { plugins: [tally(), tally()] })

// Defaults are there, unless they are switched off.
const attempts: number = client.reconnect.attempts
const waiting: number = client.offline.size
const bare = connect('http://localhost', { reconnect: false, offline: false })
// @ts-expect-error: switched off
void bare.reconnect
// @ts-expect-error: switched off
void bare.offline
connect('http://localhost', { reconnect: { max: 5_000 }, offline: { bytes: 1_000 } })
const on = connect('http://localhost', { reconnect: true, offline: true, wires: true })
void [on.reconnect.attempts, on.offline.size, on.wires.on]
declare const isWanted: boolean
const perhaps = connect('http://localhost', { reconnect: isWanted, offline: isWanted, wires: isWanted })
// @ts-expect-error: it may be switched off
void perhaps.reconnect.attempts
// @ts-expect-error: it may be switched off
void perhaps.offline.size
// @ts-expect-error: it may be switched off
void perhaps.wires.on
const perhapsAttempts: number | undefined = perhaps.reconnect?.attempts
void [perhapsAttempts, perhaps.offline?.size, perhaps.wires?.on]
const either = connect('http://localhost', { reconnect: isWanted && { max: 5_000 }, offline: {} })
void [either.reconnect?.attempts, either.offline.size, either.wires.on]
// @ts-expect-error: no such option
connect('http://localhost', { reconnect: { maximum: 5_000 } })

// What `authenticate` returns is the context of peers; false is a refusal, and none.
const server = createServer(createHttpServer(), {
  plugins: [tally()],
  authenticate: async ({ auth }) => (typeof auth === 'string' ? { user: auth } : false)
})
server.on('connection', peer => {
  const user: string = peer.context.user
  const count: number = peer.tally.count
  // @ts-expect-error: no such field
  void peer.context.name
  // @ts-expect-error: a plugin that is not installed
  void peer.presence
  peer.on('data', value => {
    is<Equal<typeof value, unknown>>()
    peer.write(value)
  })
  server.peers.broadcast({ user, count }, { except: peer, where: other => other.context.user !== user })
})
server.on('error', (error, { stage, peer }) => {
  is<Equal<typeof stage, string>>()
  const user: string | undefined = peer?.context.user
  void [error.code, user]
})
const total: number = server.tally.total()
createServer({ port: 0, authenticate: () => ({ id: 1 }) }).on('connection', peer => {
  const id: number = peer.context.id
  void id
})

// A peer of any context is a Peer, and both ends are Connections.
const greet = (peer: Peer): boolean => peer.write('hello')
server.on('connection', peer => {
  greet(peer)
  const either: Connection[] = [peer, client]
  void either
})

// Events are typed, and unknown ones refused.
client.on('open', ({ recovered }) => is<Equal<typeof recovered, boolean>>())
client.on('close', ({ code, reason, reconnect }) => {
  is<Equal<typeof code, number>>()
  is<Equal<typeof reason, string>>()
  is<Equal<typeof reconnect, boolean>>()
})
// @ts-expect-error: no such event
client.on('message', () => {})

// Nothing leaks any.
is<Equal<IsAny<typeof client.tally>, false>>()
is<Equal<IsAny<typeof client.id>, false>>()
is<Equal<IsAny<typeof server.peers>, false>>()
is<Equal<IsAny<Parameters<Parameters<typeof server.on<'connection'>>[1]>[0]>, false>>()

export const used = [added, drawn, attempts, waiting, total]
