import { amount, callable, checkPartOptions } from '../../lib/option-rules.ts'
import { reconnect as base } from './client.ts'
import type { ReconnectOptions } from './client.ts'

/**
 * Connects again when a wire is lost: with full jitter, and for ever.
 * @throws ERR_OPTION
 */
export const reconnect = (options: ReconnectOptions = {}) => {
  checkPartOptions('reconnect', options, {
    min: amount(0),
    max: amount(0),
    factor: amount(1),
    attempts: amount(0),
    random: callable
  })
  return base(options)
}

export type { Reconnect, ReconnectEvents, ReconnectOptions } from './client.ts'
export type * from '../../lib/types.ts'
