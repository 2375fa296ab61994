import { networkInterfaces } from 'node:os'
import { checkEvents } from '../../lib/check-events.ts'
import type { EventNames } from '../../lib/checked-emitter.ts'
import type { Undo } from '../../lib/emitter.ts'
import { among, amount, checkPartOptions } from '../../lib/option-rules.ts'
import { offline as base } from './client.ts'
import type { OfflineEvents, OfflineOptions, OfflinePlugin } from './client.ts'

const EVENTS: EventNames<OfflineEvents> = { online: true, offline: true, discard: true }

/** How often the interfaces are looked at, in milliseconds. Node tells no changes. */
const INTERVAL = 5_000

/** The addresses by which this machine reaches others. */
const addresses = (): string =>
  Object.values(networkInterfaces())
    .flatMap(interfaces => interfaces ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address)
    .sort()
    .join()

/** Calls `changed` when the machine's addresses have changed. */
const watchInterfaces = (changed: () => void): Undo => {
  let before = addresses()
  const timer = setInterval(() => {
    const now = addresses()
    if (now !== before) changed()
    before = now
  }, INTERVAL)
  timer.unref()
  return () => clearInterval(timer)
}

/**
 * Keeps what is written while there is no wire, and notices when a wire is dead; in Node also by the network's addresses.
 * @throws ERR_OPTION
 */
export const offline = (options: OfflineOptions = {}): OfflinePlugin => {
  checkPartOptions('offline', options, {
    bytes: amount(0),
    discard: among('newest', 'oldest'),
    expires: amount(0),
    probe: amount(0)
  })
  const plugin = base(options)
  return {
    ...plugin,
    client(client, lane, during) {
      during(() => watchInterfaces(() => void client.ping(options.probe).catch(() => {})))
      return checkEvents(plugin.client(client, lane, during), EVENTS)
    }
  }
}

export type { DiscardReason, Offline, OfflineEvents, OfflineOptions, OfflinePlugin } from './client.ts'
export type * from '../../lib/server/types.ts'
