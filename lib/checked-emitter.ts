import { Emitter } from './emitter.ts'
import type { Events, Undo } from './emitter.ts'
import { AnywireError } from './errors.ts'
import { ERR_OPTION } from './failures.ts'
import { callable, check } from './option-rules.ts'

/** The names of events: the compiler tells of one that is missing. */
export type EventNames<E> = { readonly [K in keyof E]: true }

/**
 * A value that is delivered to a listener that is none is lost, and nobody would know; nor of one that is misspelt.
 * @throws ERR_OPTION
 */
export const checkListener = (event: string, listener: unknown, names: Readonly<Record<string, true>>): void => {
  check(`the listener for '${event}'`, listener, callable)
  if (!Object.hasOwn(names, event))
    throw new AnywireError(ERR_OPTION, `there is no event '${event}', but: ${Object.keys(names).join(', ')}`)
}

/** Looks at its listeners: on servers, and in Node. A page would pay for it with each visit. */
export abstract class CheckedEmitter<E extends Events<E>> extends Emitter<E> {
  /** Those that there are. */
  protected abstract readonly eventNames: EventNames<E>

  override on<K extends keyof E & string>(event: K, listener: (...args: E[K]) => unknown): Undo {
    checkListener(event, listener, this.eventNames)
    return super.on(event, listener)
  }

  override once<K extends keyof E & string>(event: K, listener: (...args: E[K]) => unknown): Undo {
    checkListener(event, listener, this.eventNames)
    return super.once(event, listener)
  }
}
