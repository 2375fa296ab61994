import { AnywireError } from '../../lib/errors.ts'
import { ERR_OPTION } from '../../lib/failures.ts'
import type { Client } from '../../lib/client.ts'
import type { Lane } from '../../lib/lane.ts'
import type { During, PluginInfo } from '../../lib/plugin.ts'
import { report } from '../../lib/report.ts'
import { ClientRecords } from './client/client-records.ts'
import type { Collections } from './client/engine.ts'
import { handOver } from './client/hand-over.ts'
import { isSchema } from './client/kept.ts'
import type { Keep } from './client/keep.ts'
import type { Migrate } from './client/migrate.ts'
import { Replica } from './client/replica.ts'
import type { Schema, StorableSchema } from './client/types.ts'
import type { SchemaVersion } from './core/frame.ts'

/** How long the application's `end` waits for what was written, in milliseconds. */
const PATIENCE = 5_000

export interface RecordsOptions {
  /** What keeps records and unsent writes on this device: `keep(indexeddb(name))`, `keep(sqlite(file))`. Default: nothing does. */
  readonly persist?: Keep | undefined
  /** What brings what is kept to this version of the schema: `migrations({ 2: … })`. */
  readonly migrate?: Migrate | undefined
  /** How the records of a collection behave; both ends must say the same. */
  readonly collections?: Collections | undefined
  /** What the application's records look like: the server refuses versions that it does not serve. */
  readonly schema?: SchemaVersion | undefined
  /** Milliseconds for which the data of what is not followed any more stays at hand. Default 500. */
  readonly discardDelay?: number | undefined
  /** The wall clock, in milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined
  /** A clock that never jumps, in milliseconds. Default `performance.now`. */
  readonly monotonic?: (() => number) | undefined
}

/** The client half. */
export interface RecordsClientPlugin<S extends Schema = Schema> extends PluginInfo {
  readonly name: 'records'
  readonly version: 1
  client(client: Client, lane: Lane, during: During): ClientRecords<S>
}

/** The half of a client: follows, reads and writes records, and catches up after each new session. */
export const records = <S extends StorableSchema<S> = Schema>(
  options: RecordsOptions = {}
): RecordsClientPlugin<S> => ({
  name: 'records',
  version: 1,
  client(client, lane, during): ClientRecords<S> {
    const { persist, schema, store } = options as RecordsOptions & { readonly store?: unknown }
    if (store || (persist && typeof persist !== 'function'))
      throw new AnywireError(ERR_OPTION, 'a client keeps what it has by persist: keep(store)')
    if (schema && !isSchema(schema)) throw new AnywireError(ERR_OPTION, 'schema: { id, version }')
    const replica = new Replica({
      ...options,
      now: options.now ?? (() => Date.now()),
      monotonic: options.monotonic ?? (() => performance.now())
    })
    lane.on('data', frame => {
      if (frame instanceof Uint8Array) replica.receive(frame)
    })
    client.on('drain', () => replica.drained())
    client.on('open', ({ recovered }) => {
      if (recovered) replica.reachable(true)
      else if (lane.connected) replica.connected(frame => lane.write(frame))
    })
    client.on('disconnect', () => replica.reachable(false))
    client.on('close', end => {
      // Where the application did not end it, what is kept can be written and read as if offline.
      if (client.state === 'closed') replica.ended(end, end.code !== 1000 && end.code < 4000)
      // The end of a session may be told when the next one goes on already.
      else if (!lane.connected) replica.disconnected()
    })
    client.before(() => (replica.outbox.count ? handOver(replica, PATIENCE) : undefined))
    during(() => {
      replica.opened()
      return () => replica.disconnected()
    })
    return new ClientRecords<S>(replica, (error, stage) => report(client, error, stage))
  }
})

export type { ClientRecords } from './client/client-records.ts'
export type { Added, Collection } from './client/collection.ts'
export type {
  CollectionOptions,
  Collections,
  FollowingState,
  Lifecycle,
  Outcome,
  WriteHandle,
  WriteStatus
} from './client/engine.ts'
export type { Fields } from './client/fields.ts'
export { history } from './client/history.ts'
export type { History, HistoryOptions, Undone } from './client/history.ts'
export { keep } from './client/keep.ts'
export type { Keep } from './client/keep.ts'
export { itemsOf, list } from './client/list.ts'
export type { Item, List } from './client/list.ts'
export type { Live, When } from './client/live.ts'
export { migrations } from './client/migrate.ts'
export type { Migratable, Migrate, Migration, Migrations } from './client/migrate.ts'
export type { LiveQuery, Result } from './client/live-query.ts'
export type { LiveRecord } from './client/live-record.ts'
export { hasMember, members, membersOf } from './client/members.ts'
export type { Members } from './client/members.ts'
export type { Drafts, Records, RecordsEvents } from './client/surface.ts'
export type { EditOptions } from './client/target.ts'
export type {
  AnyRecord,
  Known,
  ListItem,
  ListOf,
  ListPath,
  NumberPath,
  Patch,
  PathOf,
  QueryOf,
  Schema,
  SetItem,
  SetItemAt,
  SetOf,
  SetPath,
  StorableSchema,
  TypeOf,
  ValueAt
} from './client/types.ts'
export type { Registers, SchemaVersion } from './core/frame.ts'
export { between } from './client/position.ts'
export { pathOf } from './core/path.ts'
export type { Increment, Kind, Register, Stamp, Write } from './core/register.ts'
export type { Condition, Operator, Query } from './core/query.ts'
export type * from '../../lib/types.ts'
