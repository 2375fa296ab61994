import type { Link } from './link.ts'
import { LinkError } from './link.ts'
import type { ClientTransformer } from './transformer.ts'

/** Starts to open a wire. */
export type Open = (transformer: ClientTransformer) => Link

/** Says hello over a link that is open; waits so many milliseconds for the answer, by default as long as the attempt may last. */
export type Greet = (link: Link, patience?: number) => Promise<void>

/**
 * How a client comes to a wire: tries some of its transformers, until the server is pleased with one link.
 * @throws the LinkError of the last try, or one that was refused, which ends it
 */
export type Strategy = (transformers: readonly ClientTransformer[], open: Open, greet: Greet, url: URL) => Promise<void>

/** One after the other. */
export const inOrder: Strategy = async (transformers, open, greet) => {
  let failure: unknown = new LinkError([1006, 'there is no transformer', 0])
  for (const transformer of transformers) {
    const link = open(transformer)
    try {
      await link.opened
      return await greet(link)
    } catch (error) {
      failure = error
      if (error instanceof LinkError && error.refused) break
    }
  }
  throw failure
}
