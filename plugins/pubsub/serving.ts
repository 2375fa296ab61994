import type { Provider } from './message.ts'

/** The names that a provider serves. */
export interface Serving {
  start(name: string): void
  stop(name: string): void
  stopAll(): void
}

/** @param call - calls a function of the application, whatever it throws */
export const makeServing = (provider: Provider, call: (run: () => unknown) => void): Serving => {
  const names = new Map<string, AbortController>()
  const stop = (name: string): void => {
    names.get(name)?.abort()
    names.delete(name)
  }
  return {
    start(name) {
      const controller = new AbortController()
      stop(name)
      names.set(name, controller)
      call(() => provider(name, controller.signal))
    },
    stop,
    stopAll: () => [...names.keys()].forEach(stop)
  }
}
