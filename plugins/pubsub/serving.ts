import { isWild } from '../../lib/patterns.ts'
import type { ListenOptions, Provider } from './message.ts'

/** The names that a provider serves. */
export interface Serving {
  start(name: string): void
  stop(name: string): void
  stopAll(): void
}

/** @param call - calls a function of the application, whatever it throws */
export const makeServing = (
  provider: Provider,
  { patterns }: ListenOptions,
  call: (name: string, run: () => unknown) => void
): Serving => {
  const names = new Map<string, AbortController>()
  const stop = (name: string): void => {
    names.get(name)?.abort()
    names.delete(name)
  }
  return {
    start(name) {
      // Clients choose what they subscribe to: a provider that publishes what it is told must not be told a pattern.
      if (!patterns && isWild(name)) return
      const controller = new AbortController()
      stop(name)
      names.set(name, controller)
      call(name, () => provider(name, controller.signal))
    },
    stop,
    stopAll: () => [...names.keys()].forEach(stop)
  }
}
