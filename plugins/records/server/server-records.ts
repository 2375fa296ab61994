import type { Undo } from '../../../lib/emitter.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import type { Value } from '../../../lib/store.ts'
import type { Engine } from '../client/engine.ts'
import type { Report } from '../client/live.ts'
import { Records } from '../client/surface.ts'
import type { Schema } from '../client/types.ts'
import { keysOf } from '../core/path.ts'
import { pick } from '../core/pick.ts'
import type { Authority } from './authority.ts'
import type { RecordsCounters } from './counters.ts'
import type { ListenOptions, Provider } from './providers.ts'
import type { Watcher } from './watchers.ts'

/** `server.records`: what clients have too, for the process itself, which may do everything; and what only a server has. */
export class ServerRecords<S extends Schema = Schema, Context = unknown> extends Records<S> {
  readonly #authority: Authority

  constructor(authority: Authority, engine: Engine, report: Report) {
    super(engine, report)
    this.#authority = authority
  }

  /**
   * Resolves when the store is open. Rejects when the first attempt to open it failed: where it may succeed later, it is tried again.
   * @throws ERR_STORE, ERR_SCHEMA, ERR_MISSING_PACKAGE; ERR_CLOSED when the server was closed before
   * @example await server.records.ready
   */
  get ready(): Promise<void> {
    return this.#authority.ready
  }

  /** For metrics. */
  get counters(): RecordsCounters {
    return this.#authority.counters
  }

  /**
   * Calls a provider for each record whose id begins with a prefix while clients follow it, so that it can be served on
   * demand. What the process follows itself does not count.
   */
  listen(prefix: string, provider: Provider, options?: ListenOptions): Undo {
    return this.#authority.listen(prefix, provider, options)
  }

  /**
   * Calls a watcher for each record whose id begins with a prefix, each time that a commit has changed it, whoever wrote it. What it reads by
   * `snapshot` has the change.
   * @returns what ends it
   * @example server.records.watch('boards/', (board, paths) => console.log(board, paths))
   */
  watch(prefix: string, watcher: Watcher): Undo {
    return this.#authority.watch(prefix, watcher)
  }

  /**
   * What `permit` says about reading may be something else now: what is followed is asked about again, and what was refused. It is told
   * where it may be seen by now, and taken away where it may not.
   * @param prefix - what its ids begin with. Default: all
   * @param peers - whose. Default: all
   * @example server.records.refresh('cards/b1/')
   */
  refresh(prefix = '', peers: Peer<Context> | ((peer: Peer<Context>) => boolean) = () => true): void {
    const isMeant = typeof peers === 'function' ? peers : (peer: Peer<Context>) => peer === peers
    // What the application says that its contexts are, it is asked with.
    this.#authority.refresh(prefix, peer => isMeant(peer as Peer<Context>))
  }

  /**
   * What the client of a peer may read of a record, or of what is at a path in it, without following it; undefined where there
   * is nothing. For somebody without a connection: `server.guest`. Records that are served on demand are not: nobody follows them.
   * @throws ERR_PATH, ERR_DENIED; ERR_CLOSED when the server is closed
   */
  async read(peer: Peer, id: string, path = ''): Promise<Value | undefined> {
    keysOf(path)
    return pick(await this.#authority.read(peer, id), path)
  }

  /** Tells all clients that a newer version of the application is there: their event `versionchange`. */
  announce(version: number): void {
    this.#authority.announce(version)
  }

  /** Forgets now what is older than the horizon, as is done every hour. @returns how many tombstones are gone */
  collect(): Promise<number> {
    return this.#authority.collect()
  }
}
