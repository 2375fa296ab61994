import type { Undo } from '../../../lib/emitter.ts'
import { isClosedError } from '../../../lib/closed.ts'
import { AnywireError, asError, textOf } from '../../../lib/errors.ts'
import { ERR_CLOSED, ERR_STORE } from '../../../lib/failures.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import type { Store, Value } from '../../../lib/store.ts'
import type { Permissions } from '../../permissions/index.ts'
import { Later } from '../client/later.ts'
import { Tally } from './counters.ts'
import type { RecordsCounters } from './counters.ts'
import type { Multicast } from './fan-out.ts'
import type { FollowerLink } from './feed.ts'
import { Follower } from './follower.ts'
import { Ledger } from './ledger.ts'
import { readKept } from './meta.ts'
import type { RecordsServerOptions } from './options.ts'
import { isFinal, Patience } from './patience.ts'
import { Providers } from './providers.ts'
import type { ListenOptions, Provider } from './providers.ts'
import { readAs } from './reading.ts'
import { Settings } from './settings.ts'
import { Watchers } from './watchers.ts'
import type { Watcher } from './watchers.ts'
import type { Within } from './within.ts'

export interface AuthorityOptions extends RecordsServerOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly permissions?: Pick<Permissions, 'check'> | undefined
  /** Knows what is done within hooks. Default: nobody does. */
  readonly within?: Within
  /** What is kept of a secret, so that it can be told again, and not from what is kept. */
  readonly seal: (secret: string) => string
  /** How the same bytes are sent to many. Default: one after the other. */
  readonly multicast?: Multicast
  /** Something failed; nothing that was told is lost. */
  readonly failed: (error: unknown, stage: string, peer?: Peer) => void
}

/**
 * Decides about writes, keeps what it accepts, and tells those who follow it. Only what is committed is ever told, and never a
 * write acknowledged before.
 */
export class Authority {
  readonly #store: Store
  readonly #options: AuthorityOptions
  readonly #settings: Settings
  readonly #patience: Patience
  readonly #followers = new Set<Follower>()
  #opened: (ledger: Ledger) => void = () => {}
  readonly #ledger = new Promise<Ledger>(resolve => (this.#opened = resolve))
  #opening: Promise<void> | undefined
  #isOpen = false
  readonly #first = new Later<void>()
  readonly #tally = new Tally()
  readonly #providers: Providers
  readonly #watchers: Watchers
  #cached = (): number => 0

  constructor(store: Store, options: AuthorityOptions) {
    const failed: AuthorityOptions['failed'] = (error, stage, peer) => {
      // What is under way when it is closed, and finds that so, has not failed.
      if (!this.#patience.isClosed || !isClosedError(error)) options.failed(error, stage, peer)
    }
    this.#store = store
    this.#options = { ...options, failed }
    this.#settings = new Settings(options, options.now)
    this.#providers = new Providers(error => failed(error, 'listen'))
    this.#watchers = new Watchers(error => failed(error, 'watch'))
    this.#patience = new Patience(error => failed(this.#failureOf(error), 'records'))
  }

  /**
   * Opens the store, and tries again where that fails. Who connects before is answered when it is open.
   * @throws ERR_SCHEMA, ERR_MISSING_PACKAGE; ERR_CLOSED when it was closed before
   */
  open(): Promise<void> {
    return (this.#opening = this.#open())
  }

  async #open(): Promise<void> {
    const failed = (error: unknown): never => {
      this.#first.reject(this.#failureOf(error))
      throw error
    }
    await this.#patience.try(() => this.#store.open().catch(failed), { isFinal, once: true })
    const kept = await readKept(this.#store, this.#options, this.#patience).catch(failed)
    this.#first.resolve()
    this.#isOpen = true
    const ledger = new Ledger(this.#store, kept, {
      options: this.#options,
      settings: this.#settings,
      patience: this.#patience,
      tally: this.#tally,
      providers: this.#providers,
      watchers: this.#watchers
    })
    this.#cached = () => ledger.cache.size
    this.#opened(ledger)
  }

  /** Whether the first attempt to open the store succeeded. */
  get ready(): Promise<void> {
    return this.#first.promise
  }

  /** Begins a session with a client. */
  connect(link: FollowerLink): Follower {
    const follower = new Follower(this.#ledger, link, this.#settings, () => this.#followers.delete(follower))
    this.#followers.add(follower)
    return follower
  }

  get counters(): RecordsCounters {
    const { commits, writes, collected, diverged, results } = this.#tally
    return { followers: this.#followers.size, cached: this.#cached(), commits, writes, collected, diverged, results }
  }

  /** Calls a provider for each record whose id begins with a prefix, while clients follow it. */
  listen(prefix: string, provider: Provider, options?: ListenOptions): Undo {
    return this.#providers.listen(prefix, provider, options)
  }

  /** Calls a watcher for each record whose id begins with a prefix, and that a commit has changed. */
  watch(prefix: string, watcher: Watcher): Undo {
    return this.#watchers.watch(prefix, watcher)
  }

  /** Has asked again what peers may see of what they follow, where its name begins with a prefix. */
  refresh(prefix: string, peers: (peer: Peer) => boolean): void {
    for (const follower of this.#followers) if (follower.peer && peers(follower.peer)) follower.refresh(prefix)
  }

  /** What a peer may see of a record, read once. Throws what `readAs` does. */
  async read(peer: Peer, id: string): Promise<Value | undefined> {
    return readAs(await this.#ledger, peer, id)
  }

  /** Tells all clients that there is a newer version of the application. */
  announce(version: number): void {
    for (const follower of this.#followers) follower.announce(version)
  }

  /** Forgets what is older than the horizon. @returns how many tombstones are gone @throws ERR_CLOSED when it is closed meanwhile */
  async collect(): Promise<number> {
    const ledger = await this.#ledger
    const count = await this.#patience.within(ledger.collect(), Infinity)
    if (count === undefined) throw new AnywireError(ERR_CLOSED)
    return count
  }

  /** Commits what was decided, and closes the store. */
  async close(): Promise<void> {
    for (const follower of this.#followers) follower.end()
    this.#patience.close()
    this.#first.reject(new AnywireError(ERR_CLOSED))
    await this.#opening?.catch(() => {})
    if (this.#isOpen) await (await this.#ledger).close()
    // It may be open also where that failed: over what is in it.
    await this.#store.close()
  }

  #failureOf(error: unknown): AnywireError {
    return asError(error, ERR_STORE, `${this.#store.name}: ${textOf(error)}`)
  }
}
