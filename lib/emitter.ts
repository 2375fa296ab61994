import { print } from './print.ts'

/** Ends what it came from: removes the listener, the interceptor, the plugin. Calling it again does nothing. */
export type Undo = () => void

/** Event names with the arguments of their listeners. */
export type Events<E> = { [K in keyof E]: unknown[] }

type Listener = (...args: unknown[]) => unknown

/** Events with typed listeners, which harm nobody else by what they throw or reject with. */
export class Emitter<E extends Events<E>> {
  #listeners: { [K in keyof E]?: readonly Listener[] } = {}

  /** Calls `listener` at each `event`, in the order of subscription. */
  on<K extends keyof E & string>(event: K, listener: (...args: E[K]) => unknown): Undo {
    // A function of its own, so that the same listener can be there twice, and each undo removes its own.
    // `emit` and `on` go by the same event map.
    const own: Listener = (...args) => listener(...(args as E[K]))
    this.#listeners[event] = [...this.#of(event), own]
    this.listening(event)
    return () => {
      this.#listeners[event] = this.#of(event).filter(other => other !== own)
    }
  }

  /** Calls `listener` at the next `event` only. */
  once<K extends keyof E & string>(event: K, listener: (...args: E[K]) => unknown): Undo {
    const undo = this.on(event, (...args) => {
      undo()
      return listener(...args)
    })
    return undo
  }

  /** How many listeners an event has. */
  listenerCount(event: keyof E & string): number {
    return this.#of(event).length
  }

  /** @returns whether there was a listener */
  emit<K extends keyof E & string>(event: K, ...args: E[K]): boolean {
    // Listeners that come or go meanwhile make a list of their own.
    const listeners = this.#of(event)
    for (const listener of listeners) {
      try {
        const result = listener(...args)
        if (result instanceof Promise) result.catch((error: unknown) => this.failed(error, event))
      } catch (error) {
        this.failed(error, event)
      }
    }
    return listeners.length > 0
  }

  /** A listener failed. */
  failed(error: unknown, _event: string): void {
    print(error)
  }

  /** A listener came. */
  listening(_event: string): void {}

  #of(event: keyof E): readonly Listener[] {
    return this.#listeners[event] ?? []
  }
}

/** Gives an object more members, getters included. */
export const extend = <A, B>(target: A, members: B): A & B =>
  Object.defineProperties(target, Object.getOwnPropertyDescriptors(members)) as A & B
