import { linkError } from './link.ts'
import type { Link, LinkError } from './link.ts'
import type { ClientTransformer } from './transformer.ts'

/** Opens a wire, which says hello as soon as it is open. */
export type Open = (transformer: ClientTransformer) => Link

/**
 * How a client comes to a wire: tries some of its transformers, until the server is pleased with one link.
 * @throws the LinkError of the last try, or one that was refused, which ends it
 */
export type Strategy = (transformers: readonly ClientTransformer[], open: Open, url: URL) => Promise<void>

/** One after the other. */
export const inOrder: Strategy = async (transformers, open) => {
  let failure: unknown = linkError([1006, 'no transformer', 0])
  for (const transformer of transformers) {
    try {
      return await open(transformer)
    } catch (error) {
      failure = error
      if ((error as LinkError).refused) break
    }
  }
  throw failure
}
