import { amount, callable, checkPartOptions, flag } from '../../lib/option-rules.ts'
import { wires as base } from './client.ts'
import type { WiresOptions } from './client.ts'

/**
 * Chooses among several transformers: tries them staggered in order of preference, remembers which one worked, moves to a
 * better one in the background, and falls back when a wire dies.
 * @throws ERR_OPTION
 */
export const wires = (options: WiresOptions = {}) => {
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
  return base(options)
}

export type { Wires, WiresEvents, WiresOptions } from './client.ts'
export type * from '../../lib/types.ts'
