/*
 * What plugins add to the types of clients, servers and peers, and what the compiler says of those that cannot be installed.
 * Checked by `npm run types`. Nothing here runs.
 */
import { connect as connectCore, createServer as createCoreServer } from '../../core.ts'
import type {
  Client,
  ClientPlugin,
  During,
  Installed,
  Lane,
  Peer,
  PluginInfo,
  Server,
  ServerPlugin
} from '../../core.ts'
import { connect, createServer } from '../../index.ts'
import type { Checked } from '../../lib/plugin.ts'
import { json } from '../../parsers/json.ts'
import { http } from '../../plugins/http/index.ts'
import type { HttpPlugin } from '../../plugins/http/index.ts'
import { offline } from '../../plugins/offline/index.ts'
import type { DiscardReason, Offline } from '../../plugins/offline/index.ts'
import { permissions } from '../../plugins/permissions/index.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import type { Reconnect, ReconnectPlugin } from '../../plugins/reconnect/client.ts'
import { rooms as serverRooms } from '../../plugins/rooms/index.ts'
import type { RoomsPlugin } from '../../plugins/rooms/index.ts'
import { ws as browserWs } from '../../transformers/ws/client.ts'
import { ws } from '../../transformers/ws/index.ts'
import { pluginContract, transformerContract } from '../contract/index.ts'
import type { PluginFixture, TransformerFixture } from '../contract/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type IsAny<T> = 0 extends 1 & T ? true : false
const is = <T extends true>(): T | undefined => undefined

const url = 'http://localhost'

/** Adds to all three. */
const rooms = () =>
  ({
    name: 'rooms',
    version: 2,
    client: (_client: Client, lane: Lane) => ({ join: (room: string) => lane.write(room) }),
    server: (server: Server) => ({ sizes: (): Map<string, number> => new Map([['all', server.peers.size]]) }),
    peer: (_peer: Peer, _lane: Lane, _server: Server, during: During) => {
      during(() => () => {})
      return { names: new Set<string>() }
    }
  }) as const satisfies ClientPlugin & ServerPlugin

/** Needs the first on both ends. */
const presence = () =>
  ({
    name: 'presence',
    version: 1,
    needs: ['rooms'],
    client: () => ({ who: (): readonly string[] => [] }),
    peer: () => ({ since: 0 })
  }) as const satisfies ClientPlugin & ServerPlugin

/** Adds nothing. */
const log = () =>
  ({
    name: 'log',
    version: 1,
    local: true,
    client: (client: Client) => void client.on('error', () => {})
  }) as const satisfies ClientPlugin

/** Adds something, or not. */
const maybe = () =>
  ({
    name: 'maybe',
    version: 1,
    client: () => (Math.random() < 0.5 ? { there: true } : undefined)
  }) as const satisfies ClientPlugin

// Each plugin adds one property, of its own type; one that returns nothing adds none.
const client = connect(url, { plugins: [rooms(), presence(), log(), maybe()] })
is<Equal<typeof client.rooms.join, (room: string) => boolean>>()
is<Equal<ReturnType<typeof client.presence.who>, readonly string[]>>()
is<Equal<typeof client.maybe, { there: boolean }>>()
// @ts-expect-error: it adds nothing
void client.log
// @ts-expect-error: this is of the server
void client.rooms.sizes
// @ts-expect-error: what a plugin added cannot be replaced
client.rooms = { join: () => true }

const server = createServer({ plugins: [rooms(), presence()], port: 0 })
is<Equal<ReturnType<typeof server.rooms.sizes>, Map<string, number>>>()
// @ts-expect-error: it adds nothing to servers
void server.presence

// Peers have what plugins add to them, wherever they come from.
server.on('connection', peer => {
  is<Equal<typeof peer.rooms.names, Set<string>>>()
  is<Equal<typeof peer.presence.since, number>>()
  // @ts-expect-error: this is of the client
  void peer.rooms.join
})
for (const peer of server.peers) is<Equal<typeof peer.presence.since, number>>()
is<Equal<NonNullable<ReturnType<typeof server.peers.get>>['rooms']['names'], Set<string>>>()
server.peers.broadcast('news', { where: peer => peer.rooms.names.has('all') })
// @ts-expect-error: no such property
server.peers.broadcast('news', { where: peer => peer.lobby === undefined })
server.on('error', (_error, { peer }) =>
  is<Equal<typeof peer extends (infer P) | undefined ? IsAny<P> : never, false>>()
)

// The core types the same, without defaults.
const core = connectCore(url, { transformers: [ws()], parser: json(), plugins: [reconnect(), rooms()] })
is<Equal<typeof core.reconnect, Reconnect>>()
is<Equal<typeof core.rooms.join, (room: string) => boolean>>()
// @ts-expect-error: the core has no defaults
void core.offline
const coreServer = createCoreServer(undefined, { transformers: [ws()], parsers: [json()], plugins: [rooms()] })
coreServer.on('connection', peer => void peer.rooms.names)

// Who comes back is judged by what `authenticate` returns, and that alone says what it is.
createServer({
  authenticate: async () => ({ user: 'ann', expires: 1 }),
  recovery: {
    time: 1_000,
    same: (before, now) => {
      is<Equal<typeof before, { user: string; expires: number }>>()
      return before.user === now.user
    }
  }
})
createServer({
  authenticate: () => ({ user: 'ann' }),
  // @ts-expect-error: nobody has a name
  recovery: { same: (before, now) => before.name === now['user'] }
})

// What is wrong is said where it is wrong, in words.
type Info<N extends string, Needs extends readonly string[] = []> = PluginInfo & {
  readonly name: N
  readonly needs: Needs
}
is<Equal<Checked<readonly [Info<'a', ['b']>]>, readonly ["the plugin 'a' needs 'b' before it"]>>()
is<
  Equal<
    Checked<readonly [Info<'a', ['b', 'c']>, Info<'b'>]>,
    readonly ["the plugin 'a' needs 'b' before it" | "the plugin 'a' needs 'c' before it", Info<'b'>]
  >
>()
is<Equal<Checked<readonly [Info<'a'>, Info<'a'>]>, readonly [Info<'a'>, "the plugin 'a' is there twice"]>>()
is<Equal<Checked<readonly [Info<'a'>, Info<'b', ['a']>]>, readonly [Info<'a'>, Info<'b', ['a']>]>>()
is<Equal<Checked<readonly []>, readonly []>>()

// @ts-expect-error: the plugin 'presence' needs 'rooms' before it
createServer({ plugins: [presence()] })
// @ts-expect-error: the plugin 'presence' needs 'rooms' before it
createServer({ plugins: [presence(), rooms()] })
// @ts-expect-error: the plugin 'rooms' is there twice
createServer({ plugins: [rooms(), presence(), rooms()] })
// @ts-expect-error: the plugin 'presence' needs 'rooms' before it
connectCore(url, { transformers: [ws()], parser: json(), plugins: [presence()] })
// @ts-expect-error: the plugin 'reconnect' is there twice, once by default
connect(url, { plugins: [reconnect()] })
// @ts-expect-error: the plugin 'offline' is there twice, once by default
connect(url, { plugins: [offline()] })
// A list of any length is for those who build it at run time; it adds nothing to the types.
const list: readonly ClientPlugin[] = [rooms(), log()]
is<Equal<IsAny<typeof connect>, false>>()
connect(url, { plugins: list }).write('value')

// @ts-expect-error: a plugin has a version
const noVersion: ClientPlugin = { name: 'bad' }
// @ts-expect-error: a hook returns an object or nothing
const noObject: ClientPlugin = { name: 'bad', version: 1, client: () => 42 }
// @ts-expect-error: `during` wants what ends it
const noUndo: ClientPlugin = { name: 'bad', version: 1, client: (_client, _lane, during) => during(() => 42) }

// Defaults: switched off one by one, and configured.
const one = connect(url, { offline: false, plugins: [rooms()] })
is<Equal<typeof one.reconnect, Reconnect>>()
// @ts-expect-error: switched off
void one.offline
const other = connect(url, { reconnect: false, plugins: [rooms()] })
is<Equal<typeof other.offline, Offline>>()
// @ts-expect-error: switched off
void other.reconnect
is<Equal<typeof other.rooms.join, (room: string) => boolean>>()
// @ts-expect-error: no such policy
connect(url, { offline: { discard: 'middle' } })

// Events of plugins are typed like those of connections.
client.reconnect.on('schedule', ({ attempt, delay, code, reason }) => {
  is<Equal<[typeof attempt, typeof delay, typeof code, typeof reason], [number, number, number, string]>>()
})
client.offline.on('discard', ({ value, reason }) => {
  is<Equal<typeof value, unknown>>()
  is<Equal<typeof reason, DiscardReason>>()
})
// @ts-expect-error: no such event
client.reconnect.on('reconnect', () => {})
// @ts-expect-error: its counters are for reading
client.offline.size = 1

// Halves fit where they belong.
// @ts-expect-error: the browser half cannot listen
createServer({ transformers: [browserWs()] })
connect(url, { transformers: [browserWs(), ws()] })
// @ts-expect-error: a server has parsers
createServer({ parsers: json() })

// Nothing leaks any.
is<Equal<IsAny<Installed<readonly [ReturnType<typeof rooms>], 'client'>['rooms']>, false>>()
is<Equal<IsAny<Installed<readonly [ReturnType<typeof rooms>], 'peer'>['rooms']>, false>>()
is<Equal<IsAny<typeof client>, false>>()
is<Equal<IsAny<typeof client.maybe>, false>>()
is<Equal<IsAny<typeof client.reconnect>, false>>()
is<Equal<IsAny<typeof client.offline>, false>>()
is<Equal<IsAny<typeof server.rooms>, false>>()
is<Equal<IsAny<typeof coreServer>, false>>()
is<Equal<'log' extends keyof typeof client ? true : false, false>>()

// The suites take what the contracts describe.
export const suites = (): void => {
  pluginContract('rooms', () => ({ client: rooms(), server: rooms() }))
  pluginContract('presence', () => ({
    client: presence(),
    server: presence(),
    needs: { client: [rooms()], server: [rooms()] },
    packets: { toServer: ['a room'] }
  }))
  const fixture: TransformerFixture = { server: ws(), client: browserWs(), start: () => url }
  transformerContract('ws', () => fixture)
  transformerContract('ws', async () => Promise.resolve(fixture), { parsers: [json()] })
  // @ts-expect-error: the browser half cannot listen
  transformerContract('ws', () => ({ server: browserWs(), client: browserWs(), start: () => url }))
  const halves: PluginFixture = { client: log() }
  void halves
}

export const used = [noVersion, noObject, noUndo]

// Plugins that only servers have are for servers.
// @ts-expect-error: the plugin 'rooms' is for servers
connect(url, { plugins: [serverRooms()] })
// @ts-expect-error: the plugin 'permissions' is for servers
connect(url, { plugins: [rooms(), permissions()] })
// @ts-expect-error: the plugin 'httpApi' is for servers
connectCore(url, { transformers: [ws()], parser: json(), plugins: [http({ authenticate: () => true })] })
// @ts-expect-error: no such option
connect(url, { reconect: {} })
// @ts-expect-error: no such option
connectCore(url, { transformers: [ws()], parser: json(), offline: false })

// What a plugin is has a name, which messages and declarations of applications show.
is<Equal<ReturnType<typeof reconnect>, ReconnectPlugin>>()
is<Equal<ReturnType<typeof serverRooms>, RoomsPlugin>>()
is<Equal<ReturnType<typeof http<unknown>>, HttpPlugin<unknown>>>()
