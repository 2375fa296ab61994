import type { Provider } from './message.ts'

/** The names that a provider serves. */
export class Serving {
  readonly #provider: Provider
  readonly #call: (run: () => unknown) => void
  readonly #names = new Map<string, AbortController>()

  /** @param call - calls a function of the application, whatever it throws */
  constructor(provider: Provider, call: (run: () => unknown) => void) {
    this.#provider = provider
    this.#call = call
  }

  start(name: string): void {
    const controller = new AbortController()
    this.stop(name)
    this.#names.set(name, controller)
    this.#call(() => this.#provider(name, controller.signal))
  }

  stop(name: string): void {
    this.#names.get(name)?.abort()
    this.#names.delete(name)
  }

  stopAll(): void {
    for (const name of this.#names.keys()) this.stop(name)
  }
}
