import type { Undo } from '../../../lib/emitter.ts'

/**
 * Serves records on demand: called when a record or collection whose name begins with a prefix gains its first follower. `signal`
 * is aborted when it has lost its last one.
 */
export type Provider = (name: string, signal: AbortSignal) => unknown

interface Listener {
  readonly prefix: string
  readonly provider: Provider
  readonly served: Map<string, AbortController>
}

/** Tells providers what clients follow. The process itself does not count: it may follow what it serves. */
export class Providers {
  /** How many clients follow a name. */
  readonly #names = new Map<string, number>()
  readonly #listeners = new Set<Listener>()
  readonly #failed: (error: unknown) => void

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  listen(prefix: string, provider: Provider): Undo {
    const listener: Listener = { prefix, provider, served: new Map() }
    this.#listeners.add(listener)
    for (const name of this.#names.keys()) this.#start(listener, name)
    return () => {
      this.#listeners.delete(listener)
      for (const name of listener.served.keys()) stop(listener, name)
    }
  }

  join(name: string): void {
    const count = this.#names.get(name) ?? 0
    this.#names.set(name, count + 1)
    if (count === 0) for (const listener of this.#listeners) this.#start(listener, name)
  }

  leave(name: string): void {
    const count = this.#names.get(name) ?? 0
    if (count > 1) this.#names.set(name, count - 1)
    else if (this.#names.delete(name)) for (const listener of this.#listeners) stop(listener, name)
  }

  #start({ prefix, provider, served }: Listener, name: string): void {
    if (!name.startsWith(prefix)) return
    const controller = new AbortController()
    served.set(name, controller)
    try {
      const result = provider(name, controller.signal)
      if (result instanceof Promise) result.catch(this.#failed)
    } catch (error) {
      this.#failed(error)
    }
  }
}

const stop = ({ served }: Listener, name: string): void => {
  served.get(name)?.abort()
  served.delete(name)
}
