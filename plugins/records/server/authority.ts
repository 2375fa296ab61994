import { AnywireError } from '../../../lib/errors.ts'
import { ERR_STORE } from '../../../lib/failures.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import type { Store } from '../../../lib/store.ts'
import type { Permissions } from '../../permissions/index.ts'
import type { Multicast } from './fan-out.ts'
import type { FollowerLink } from './feed.ts'
import { Follower } from './follower.ts'
import { Ledger } from './ledger.ts'
import { readKept } from './meta.ts'
import type { RecordsServerOptions } from './options.ts'
import { Patience } from './patience.ts'
import { Settings } from './settings.ts'

export interface AuthorityOptions extends RecordsServerOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly permissions?: Pick<Permissions, 'check'> | undefined
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
  #isOpen = false

  constructor(store: Store, options: AuthorityOptions) {
    this.#store = store
    this.#options = options
    this.#settings = new Settings(options, options.now)
    this.#patience = new Patience(error => options.failed(new AnywireError(ERR_STORE, store.name, error), 'records'))
  }

  /**
   * Opens the store. Who connects before is answered when it is open.
   * @throws ERR_SCHEMA; what the store rejects with
   */
  async open(): Promise<void> {
    await this.#store.open()
    const kept = await readKept(this.#store, this.#settings.schema)
    this.#isOpen = true
    this.#opened(new Ledger(this.#store, this.#options, this.#settings, this.#patience, kept))
  }

  /** Begins a session with a client. */
  connect(link: FollowerLink): Follower {
    const follower = new Follower(this.#ledger, link, this.#settings.now, () => this.#followers.delete(follower))
    this.#followers.add(follower)
    return follower
  }

  /** Forgets what is older than the horizon. @returns how many tombstones are gone */
  async collect(): Promise<number> {
    const ledger = await this.#ledger
    return ledger.collect()
  }

  /** Commits what was decided, and closes the store. */
  async close(): Promise<void> {
    for (const follower of this.#followers) follower.end()
    this.#patience.close()
    if (!this.#isOpen) return
    const ledger = await this.#ledger
    await ledger.close()
    await this.#store.close()
  }
}
