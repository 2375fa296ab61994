/**
 * What others make of the package with `declaration: true`, as libraries and composite projects do. Each is a project of its own:
 * in one program, what one file imports would give the types of another a name.
 */

/** A source of a consumer, and the condition that it is resolved by. */
export interface Consumer {
  readonly condition?: 'browser' | undefined
  readonly source: string
}

/** What an application exports, without a word about types. */
const APPLICATIONS = [
  `import { connect } from 'anywire'
  export const client = connect('http://localhost', { open: false })
  export const { incoming, on, reconnect, offline, wires } = client
  export const open = () => connect('http://localhost')
  export const events = { reconnect: reconnect.on, offline: offline.on, wires: wires.on }`,

  `import { connect } from 'anywire'
  import { presence } from 'anywire/plugins/presence'
  import { pubsub } from 'anywire/plugins/pubsub'
  import { history, list, members, records } from 'anywire/plugins/records'
  import type { ListOf, SetOf } from 'anywire/plugins/records'
  import { rpc } from 'anywire/plugins/rpc'
  import { memory } from 'anywire/transformers/memory'
  type Board = { readonly title: string; readonly steps: ListOf<string>; readonly labels: SetOf<string> }
  export const network = memory()
  export const plugins = [presence(), pubsub<{ 'a.*': number }>(), rpc(), records<{ 'boards/': Board }>()] as const
  export const client = connect('http://localhost', { plugins, transformers: [network] })
  export const board = client.records.get('boards/a')
  export const parts = { steps: list(board, 'steps'), labels: members(board, 'labels'), undo: history(client.records) }
  export const boards = client.records.collection('boards/')
  export const titled = boards.query({ where: [['title', '=', 'a']] })
  export const added = boards.add({ title: 'a', steps: {}, labels: {} })
  export const place = client.presence('a')
  export const calls = client.rpc.with({})`
]

const SERVER = `import { createServer } from 'anywire'
  import { http } from 'anywire/plugins/http'
  import { permissions } from 'anywire/plugins/permissions'
  import { pubsub } from 'anywire/plugins/pubsub'
  import { records } from 'anywire/plugins/records'
  import { rooms } from 'anywire/plugins/rooms'
  import { rpc } from 'anywire/plugins/rpc'
  interface User { readonly user: string }
  export const server = createServer({
    port: 0,
    authenticate: (): User => ({ user: 'a' }),
    plugins: [
      permissions<User>(), rooms(), pubsub<{ 'a.*': number }>(), rpc({ add: (a: number, b: number) => a + b }),
      records<{ 'boards/': { readonly title: string } }, User>(), http<User>({ authenticate: () => ({ user: 'b' }) })
    ]
  })
  export const board = server.records.get('boards/a')
  export const peers = [...server.peers]
  export const room = server.rooms('a')`

/** All that a subpath exports, once more. */
const everything = (name: string): string => `import * as part from '${name}'\nexport const all = { ...part }\n`

/** @param subpaths - the subpaths by name, and whether they have another half for browsers */
export const consumers = (subpaths: ReadonlyMap<string, boolean>): readonly Consumer[] => [
  ...[...subpaths.keys()].map(name => ({ source: everything(name) })),
  ...[...subpaths].flatMap(([name, halved]) =>
    halved ? [{ source: everything(name), condition: 'browser' as const }] : []
  ),
  ...APPLICATIONS.flatMap(source => [{ source }, { source, condition: 'browser' as const }]),
  { source: SERVER }
]
