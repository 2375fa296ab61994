import type { Undo } from '../../lib/emitter.ts'
import { ERR_NO_PROVIDER } from '../../lib/failures.ts'
import { addTo, removeFrom } from '../../lib/sets.ts'
import { because, RpcError } from './error.ts'
import type { AskOptions } from './call.ts'

/** Who answers calls of a service. */
export interface Provider<C> {
  /** Whether its client has no wire now. */
  readonly away: boolean
  /** How many calls it has and did not answer. */
  readonly load: number
  /** @param call - what the call is here; undefined where the server itself asks */
  ask(name: string, args: readonly unknown[], options: AskOptions, call: C): unknown
}

/** After these a call did not run, and somebody else may have it. The first is also said by who has accepted it, and rejects it. */
const REJECTED = 'ERR_NO_PROVIDER'
const PASSES = new Set([REJECTED, 'ERR_NO_METHOD', 'ERR_LIMIT', 'ERR_CLOSED'])

/** Who provides what. */
export class Services<C> {
  readonly #names = new Map<string, Set<Provider<C>>>()

  has(name: string): boolean {
    return this.#names.has(name)
  }

  add(name: string, provider: Provider<C>): Undo {
    addTo(this.#names, name, provider)
    return () => void removeFrom(this.#names, name, provider)
  }

  /** Asks one provider after the other until one takes the call. */
  async ask(name: string, args: readonly unknown[], options: AskOptions, call: C): Promise<unknown> {
    const providers = this.#names.get(name)
    const left = new Set(providers)
    for (;;) {
      const provider = best(left)
      if (!provider) throw because(ERR_NO_PROVIDER, name)
      left.delete(provider)
      // Among equals, they take turns.
      if (providers?.delete(provider)) providers.add(provider)
      let isAccepted = false
      const accepted = (): void => void (isAccepted = true)
      try {
        return await provider.ask(name, args, { ...options, accepted }, call)
      } catch (error) {
        if (!(error instanceof RpcError) || options.signal?.aborted) throw error
        // What ran may fail with anything, also with what it was told itself.
        if (isAccepted ? error.code !== REJECTED : !PASSES.has(error.code)) throw error
      }
    }
  }
}

/** One with a wire before one without, and the one that has least to do. */
const best = <C>(providers: Iterable<Provider<C>>): Provider<C> | undefined => {
  let found: Provider<C> | undefined
  for (const provider of providers) {
    const { away, load } = provider
    if (!found || (away === found.away ? load < found.load : found.away)) found = provider
  }
  return found
}
