import { EventEmitter } from 'eventemitter3'

/** Ends what it came from: removes the listener, the interceptor, the plugin. Calling it again does nothing. */
export type Undo = () => void

/** Event names with the arguments of their listeners. */
export type Events<E> = { [K in keyof E]: unknown[] }

interface Subscription {
  readonly emitter: { failed(error: unknown, event: string): void }
  readonly event: string
  readonly listener: (...args: never[]) => unknown
}

/** Calls a listener so that what it throws, or rejects with, harms nobody else. */
function invoke(this: Subscription, ...args: unknown[]): void {
  try {
    // What `emit` passes is what `on` asked for: both go by the same event map.
    const result = this.listener(...(args as never[]))
    if (result instanceof Promise) result.catch((error: unknown) => this.emitter.failed(error, this.event))
  } catch (error) {
    this.emitter.failed(error, this.event)
  }
}

/** Events with typed listeners. */
export abstract class Emitter<E extends Events<E>> {
  readonly #events = new EventEmitter()

  /** Calls `listener` at each `event`, in the order of subscription. */
  on<K extends keyof E & string>(event: K, listener: (...args: E[K]) => unknown): Undo {
    const subscription: Subscription = { emitter: this, event, listener }
    this.#events.on(event, invoke, subscription)
    this.listening(event)
    return () => {
      this.#events.off(event, invoke, subscription)
      this.listening(event)
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
    return this.#events.listenerCount(event)
  }

  /** @internal */
  emit<K extends keyof E & string>(event: K, ...args: E[K]): boolean {
    return this.#events.emit(event, ...args)
  }

  /** @internal A listener failed; whoever extends this says where that is reported. */
  abstract failed(error: unknown, event: string): void

  /** @internal A listener came or went. */
  listening(_event: keyof E & string): void {}
}
