import type { Store } from '../../../lib/store.ts'
import { Keeper } from './keeper.ts'
import type { KeeperOptions } from './keeper-options.ts'
import type { KeeperHost } from './keeper-host.ts'
import { browserTabs } from './tabs.ts'

/** Brings what a replica has into a store, and back: only clients that keep something load it. */
export type Keep = (host: KeeperHost, options: KeeperOptions) => Keeper

/**
 * Keeps records and unsent writes on this device.
 * @param store - `indexeddb(name)`, `sqlite(file)`
 * @example records({ persist: keep(indexeddb('app')) })
 */
export const keep =
  (store: Store): Keep =>
  (host, options) =>
    new Keeper(store, host, { tabs: browserTabs(store.name), ...options })
