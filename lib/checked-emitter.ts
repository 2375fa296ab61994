import { Emitter } from './emitter.ts'
import type { Events, Undo } from './emitter.ts'
import { callable, check } from './option-rules.ts'

/**
 * A value that is delivered to a listener that is none is lost, and nobody would know.
 * @throws ERR_OPTION
 */
export const checkListener = (event: string, listener: unknown): void =>
  check(`the listener for '${event}'`, listener, callable)

/** Looks at its listeners: on servers, and in Node. A page would pay for it with each visit. */
export class CheckedEmitter<E extends Events<E>> extends Emitter<E> {
  override on<K extends keyof E & string>(event: K, listener: (...args: E[K]) => unknown): Undo {
    checkListener(event, listener)
    return super.on(event, listener)
  }

  override once<K extends keyof E & string>(event: K, listener: (...args: E[K]) => unknown): Undo {
    checkListener(event, listener)
    return super.once(event, listener)
  }
}
