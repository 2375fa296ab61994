import { AsyncLocalStorage } from 'node:async_hooks'
import { checkEvents } from '../../lib/check-events.ts'
import type { EventNames } from '../../lib/checked-emitter.ts'
import { Emitter } from '../../lib/emitter.ts'
import { isClosedError } from '../../lib/closed.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_OPTION } from '../../lib/failures.ts'
import type { Lane } from '../../lib/lane.ts'
import type { During } from '../../lib/plugin.ts'
import { print } from '../../lib/print.ts'
import { report } from '../../lib/report.ts'
import { amount, among, callable, check, checkPartOptions, object } from '../../lib/option-rules.ts'
import type { OptionRules, Rule, Test } from '../../lib/option-rules.ts'
import { sealOf } from '../../lib/server/seal.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Server } from '../../lib/server/server.ts'
import type { Store } from '../../lib/store.ts'
import type { Permissions } from '../permissions/index.ts'
import { checkedRecords } from './checked-records.ts'
import type { Schema, StorableSchema } from './client/types.ts'
import { keep as keepIn, records as clientHalf } from './client.ts'
import type { Keep, RecordsClientPlugin, RecordsEvents, RecordsOptions as ClientOptions } from './client.ts'
import { Authority } from './server/authority.ts'
import type { Follower } from './server/follower.ts'
import { linkOf, makeMulticast } from './server/link.ts'
import { VERBS } from './server/options.ts'
import type { RecordsServerOptions, ServerCollection } from './server/options.ts'
import { ownReplica } from './server/own-replica.ts'
import { ServerRecords } from './server/server-records.ts'
import type { Turn } from './server/turns.ts'
import { Within } from './server/within.ts'

/** The options of both ends: `store` and all that judges are the server's, `persist` a client's. */
export interface RecordsOptions<Context = unknown, S extends Schema = Schema>
  extends Omit<ClientOptions, 'collections'>, RecordsServerOptions<Context, S> {
  /** What keeps the records of a server. */
  readonly store?: Store | undefined
  readonly schema?: (RecordsServerOptions['schema'] & {}) | undefined
}

const isStore: Test = value =>
  ['open', 'rows', 'commit', 'close'].every(
    method => typeof Reflect.get(Object(value) as object, method) === 'function'
  )

const STORE: Rule = ["a store, such as sqlite('data.db')", isStore]

const COLLECTION: OptionRules<ServerCollection> = {
  order: among('hlc', 'server'),
  resurrect: among('strict', 'implicit'),
  permit: callable,
  validate: [
    'a function, or a schema as Standard Schema says',
    value => typeof value === 'function' || '~standard' in (Object(value) as object)
  ]
}

const RULES: OptionRules<RecordsOptions> = {
  store: STORE,
  persist: ['keep(store)', value => typeof value === 'function'],
  migrate: callable,
  collections: object,
  permit: callable,
  onWrite: callable,
  identity: callable,
  schema: object,
  horizon: amount(0),
  timeout: amount(0),
  discardDelay: amount(0),
  now: callable,
  monotonic: callable,
  limits: {
    scopes: amount(0),
    queries: amount(0),
    matches: amount(0),
    fields: amount(0),
    record: amount(0),
    value: amount(0),
    frame: amount(1),
    batch: amount(0),
    writes: amount(0),
    bytes: amount(0),
    nodes: amount(0),
    cache: amount(0)
  }
}

/** @throws ERR_OPTION */
const checkRecords = (options: RecordsOptions): void => {
  checkPartOptions('records', options, RULES)
  if (options.migrate && !options.schema)
    throw new AnywireError(ERR_OPTION, "'migrate' of 'records' needs a 'schema', which says to which version")
  for (const [name, collection] of Object.entries(options.collections ?? {})) {
    if (name !== '' && !name.endsWith('/'))
      throw new AnywireError(ERR_OPTION, `collections: the name of a collection ends with a slash: '${name}/'`)
    if (collection) checkPartOptions('records', collection, COLLECTION, `collections.${name}.`)
  }
}

const EVENTS: EventNames<RecordsEvents> = {
  refused: true,
  rejected: true,
  pending: true,
  evicted: true,
  offset: true,
  divergence: true,
  reset: true,
  mismatch: true,
  versionchange: true,
  cleared: true,
  blocked: true,
  error: true
}

/** How often what is long ago is forgotten, in milliseconds. */
const COLLECT = 3_600_000

type Host<Context> = Server<Peer<Context>> & { readonly permissions?: Permissions }

/** What `records` makes, both halves. */
export interface RecordsPlugin<S extends Schema = Schema, Context = unknown> extends RecordsClientPlugin<S> {
  readonly verbs: typeof VERBS
  server(server: Host<Context>, during: During): ServerRecords<S, Context>
  peer(peer: Peer<Context>, lane: Lane, server: Server, during: During): void
}

/**
 * Records: data that many clients read and write at the same time, on- and offline.
 * @example createServer(http, { plugins: [records({ store: sqlite('data.db') })] })
 */
export const records = <S extends StorableSchema<S> = Schema, Context = unknown>(
  options: RecordsOptions<Context, S> = {}
): RecordsPlugin<S, Context> => {
  // What the application says that its contexts and records are, it is asked with.
  const plain = options as object as RecordsOptions
  checkRecords(plain)
  const half = clientHalf<S>(plain)
  const authorities = new WeakMap<Server, Authority>()
  const followers = new WeakMap<Peer, Follower>()
  return {
    ...half,
    client: (client, lane, during) => checkedRecords(checkEvents(half.client(client, lane, during), EVENTS)),
    verbs: VERBS,
    server(server: Host<Context>, during: During): ServerRecords<S, Context> {
      if (!options.store) throw new AnywireError(ERR_OPTION, 'a server keeps records in a `store`')
      const failed = (error: unknown, stage: string, peer?: Peer): void => {
        // What the store fails with is no handler's fault, and is told as it is.
        if (stage !== 'records' || !(error instanceof AnywireError)) report(peer ?? server, error, stage)
        else if (!(server instanceof Emitter && server.emit('error', error, { stage }))) print(error)
      }
      const { permissions } = server
      const within = new Within(new AsyncLocalStorage<Turn | undefined>())
      const authority = new Authority(options.store, {
        ...plain,
        now: options.now ?? (() => Date.now()),
        permissions,
        within,
        seal: sealOf,
        multicast: makeMulticast(server),
        failed
      })
      authorities.set(server, authority)
      permissions?.behind({
        plugin: 'records',
        done: peer => followers.get(peer)?.done ?? 0,
        settled: peer => followers.get(peer)?.settled
      })
      const refresh = (peer: Peer): void => followers.get(peer)?.refresh()
      permissions?.on('refresh', peers => peers.forEach(refresh))
      // That a client is another one by now is told by permissions too, where they are installed.
      if (!permissions) server.on('context', refresh)
      const told = (error: unknown): void => {
        // That it was closed is nobody's news.
        if (!isClosedError(error)) failed(error, 'records')
      }
      during(() => {
        authority.open().catch(told)
        const timer = setInterval(() => void authority.collect().catch(told), COLLECT)
        timer.unref()
        return () => {
          clearInterval(timer)
          return authority.close()
        }
      })
      const own = ownReplica(authority, { ...plain, within }, during)
      return checkedRecords(checkEvents(new ServerRecords<S, Context>(authority, own, failed), EVENTS))
    },
    peer(peer: Peer<Context>, lane: Lane, server: Server, during: During): void {
      const authority = authorities.get(server)
      if (!authority || !lane.connected) return
      const follower = authority.connect(linkOf(peer, lane))
      followers.set(peer, follower)
      lane.on('data', bytes => follower.receive(bytes))
      peer.on('drain', () => follower.drained())
      during(() => () => follower.end())
    }
  }
}

/**
 * Keeps records and unsent writes on this device.
 * @param store - `sqlite(file)`, `indexeddb(name)`
 * @throws ERR_OPTION for what is no store
 * @example records({ persist: keep(sqlite('app.db')) })
 */
export const keep = (store: Store): Keep => {
  check("the argument of 'keep'", store, STORE)
  return keepIn(store)
}

export { between, hasMember, history, itemsOf, list, members, membersOf, migrations, pathOf } from './client.ts'
export type * from './client.ts'
export type { RecordsCounters } from './server/counters.ts'
export type { OnWrite, WriteEvent, WriteTransaction, WrittenRecord } from './server/hook.ts'
export type { ListenOptions, Provider } from './server/providers.ts'
export type { RecordsReader } from './server/reader.ts'
export type { ServerRecords } from './server/server-records.ts'
export type { Watcher } from './server/watchers.ts'
export type { Validate } from './server/validate.ts'
export type { StandardSchema } from '../../lib/standard-schema.ts'
export type {
  Permit,
  PermitQuestion,
  RecordOf,
  RecordsLimits,
  RecordsServerOptions,
  ServerCollection,
  ServerCollections,
  ServerSchema,
  Verb
} from './server/options.ts'
export type * from '../../lib/server/types.ts'
