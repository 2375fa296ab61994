import { print } from './print.ts'

/** Ends what it came from: removes the listener, the interceptor, the plugin. Calling it again does nothing. */
export type Undo = () => void

/** Event names with the arguments of their listeners. */
export type Events<E> = { [K in keyof E]: unknown[] }

/** An object for each subscription, so that the same function can be there twice, and each undo removes its own. */
interface Subscription<A extends unknown[]> {
  readonly listener: (...args: A) => unknown
}

/** Events with typed listeners, which harm nobody else by what they throw or reject with. */
export class Emitter<E extends Events<E>> {
  #subscriptions: { [K in keyof E]?: readonly Subscription<E[K]>[] } = {}

  /** Calls `listener` at each `event`, in the order of subscription. */
  on<K extends keyof E & string>(event: K, listener: (...args: E[K]) => unknown): Undo {
    const own = { listener }
    this.#subscriptions[event] = [...this.#of(event), own]
    this.listening(event)
    return () => {
      this.#subscriptions[event] = this.#of(event).filter(other => other !== own)
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
    const subscriptions = this.#of(event)
    for (const { listener } of subscriptions) {
      try {
        const result = listener(...args)
        if (result instanceof Promise) result.catch((error: unknown) => this.failed(error, event))
      } catch (error) {
        this.failed(error, event)
      }
    }
    return !!subscriptions.length
  }

  /** A listener failed. */
  failed(error: unknown, _event: string): void {
    print(error)
  }

  /** A listener came. */
  listening(_event: string): void {}

  #of<K extends keyof E>(event: K): readonly Subscription<E[K]>[] {
    return this.#subscriptions[event] ?? []
  }
}

/** Gives an object more members, getters included. */
export const extend = <A, B>(target: A, members: B): A & B =>
  Object.defineProperties(target, Object.getOwnPropertyDescriptors(members)) as A & B
