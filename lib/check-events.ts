import { checkListener } from './checked-emitter.ts'
import type { EventNames } from './checked-emitter.ts'

/** An emitter of some events, called as one of any. */
interface Heard {
  on?(event: string, listener: unknown): unknown
  once?(event: string, listener: unknown): unknown
}

/**
 * Has something of a client look at its listeners, which it does not itself: in Node alone, as a page would pay for it with each visit.
 * @returns the same
 */
export const checkEvents = <T extends object, E>(emitter: T, names: EventNames<E>): T => {
  const heard: Heard = emitter
  for (const method of ['on', 'once'] as const) {
    const plain = heard[method]?.bind(emitter)
    if (!plain) continue
    heard[method] = (event, listener) => {
      checkListener(event, listener, names)
      return plain(event, listener)
    }
  }
  return emitter
}
