import type { Given } from './given.ts'

/** What one end allows, and keeps for the other. All in bytes. */
export interface Limits {
  /** Bytes that may be sent and not acknowledged: what a reader may leave unread, and a lost wire is recovered from. */
  readonly window: number
  /** Bytes that may wait for a slow reader; past it the connection ends with ERR_SLOW. */
  readonly buffered: number
  /** The largest message that this end takes. */
  readonly message: number
}

/** So many values that may be lost wait to be read on a client. */
export const LOOSE_VALUES = 1_000

/** By default 1 MiB, 16 MiB, 1 MiB. */
export const limitsOf = ({
  window = 1_048_576,
  buffered = 16_777_216,
  message = 1_048_576
}: Given<Limits> = {}): Limits => ({
  window,
  buffered,
  message
})
