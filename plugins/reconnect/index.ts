import { checkEvents } from '../../lib/check-events.ts'
import type { EventNames } from '../../lib/checked-emitter.ts'
import { amount, callable, checkPartOptions } from '../../lib/option-rules.ts'
import { reconnect as base } from './client.ts'
import type { ReconnectEvents, ReconnectOptions, ReconnectPlugin } from './client.ts'

const EVENTS: EventNames<ReconnectEvents> = { schedule: true, attempt: true, success: true, stop: true }

/**
 * Connects again when a wire is lost: with full jitter, and for ever.
 * @throws ERR_OPTION
 */
export const reconnect = (options: ReconnectOptions = {}): ReconnectPlugin => {
  checkPartOptions('reconnect', options, {
    min: amount(0),
    max: amount(0),
    factor: amount(1),
    attempts: amount(0),
    random: callable
  })
  const plugin = base(options)
  return {
    ...plugin,
    client: (client, lane, during) => checkEvents(plugin.client(client, lane, during), EVENTS)
  }
}

export type { Reconnect, ReconnectEvents, ReconnectOptions, ReconnectPlugin } from './client.ts'
export type * from '../../lib/types.ts'
