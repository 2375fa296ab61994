import { checkEvents } from '../../lib/check-events.ts'
import type { EventNames } from '../../lib/checked-emitter.ts'
import { amount, callable, checkPartOptions, flag } from '../../lib/option-rules.ts'
import { wires as base } from './client.ts'
import type { WiresEvents, WiresOptions, WiresPlugin } from './client.ts'

const EVENTS: EventNames<WiresEvents> = { skip: true }

/**
 * Chooses among several transformers: tries them staggered in order of preference, remembers which one worked, moves to a
 * better one in the background, and falls back when a wire dies.
 * @throws ERR_OPTION
 */
export const wires = (options: WiresOptions = {}): WiresPlugin => {
  checkPartOptions('wires', options, {
    headStart: amount(0),
    patience: amount(0),
    upgrade: flag,
    fallback: flag,
    remember: amount(0),
    rest: amount(0),
    settle: amount(0),
    random: callable
  })
  const plugin = base(options)
  return {
    ...plugin,
    client: (client, lane, during) => checkEvents(plugin.client(client, lane, during), EVENTS)
  }
}

export type { Wires, WiresEvents, WiresOptions, WiresPlugin } from './client.ts'
export type * from '../../lib/types.ts'
