import type { Undo } from '../../../lib/emitter.ts'
import { decrease, increase } from './counts.ts'
import { isCollection } from './scope.ts'

/**
 * Serves records on demand: called when a record whose id begins with a prefix gains its first follower. `signal` is aborted
 * when it has lost its last one.
 */
export type Provider = (id: string, signal: AbortSignal) => unknown

export interface ListenOptions {
  /** Whether the provider is also told the collections that are followed, whose names end with a slash. Default false. */
  readonly collections?: boolean | undefined
}

interface Listener {
  readonly prefix: string
  readonly provider: Provider
  readonly collections: boolean | undefined
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

  listen(prefix: string, provider: Provider, { collections }: ListenOptions = {}): Undo {
    const listener: Listener = { prefix, provider, collections, served: new Map() }
    this.#listeners.add(listener)
    for (const name of this.#names.keys()) this.#start(listener, name)
    return () => {
      this.#listeners.delete(listener)
      for (const name of listener.served.keys()) stop(listener, name)
    }
  }

  join(name: string): void {
    if (increase(this.#names, name) > 1) return
    // Who comes meanwhile has been told of it by then, and who has gone is not to be.
    const all = [...this.#listeners]
    for (const listener of all) if (this.#listeners.has(listener)) this.#start(listener, name)
  }

  leave(name: string): void {
    if (decrease(this.#names, name) === 0) for (const listener of this.#listeners) stop(listener, name)
  }

  #start({ prefix, provider, collections, served }: Listener, name: string): void {
    if (!name.startsWith(prefix)) return
    // Clients choose what they follow: a provider that writes to what it is told must not be told what is no record.
    if (!collections && isCollection(name)) return
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
