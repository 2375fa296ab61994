import type { Link } from '../../lib/link.ts'
import { LinkError } from '../../lib/link.ts'
import type { Strategy } from '../../lib/strategy.ts'

type Outcome = { readonly link: Link; readonly failure?: unknown } | undefined

/**
 * Starts one transformer after the other, each with a head start over the next, and takes the first wire that opens; the
 * same idea as "Happy Eyeballs" (RFC 8305). Only one link at a time says hello, so that the server sees one client.
 * @param headStart - milliseconds before the next one starts too; it starts at once when one fails
 * @param patience - milliseconds for the server's welcome, before another wire has its turn
 */
export const race =
  (headStart: number, patience: number): Strategy =>
  async (transformers, open, greet) => {
    const waiting = [...transformers]
    const running = new Map<Link, Promise<Outcome>>()
    let failure: unknown = new LinkError([1006, 'there is no transformer', 0])
    const start = (): void => {
      const transformer = waiting.shift()
      if (!transformer) return
      const link = open(transformer)
      running.set(
        link,
        link.opened.then(
          () => ({ link }),
          (error: unknown) => ({ link, failure: error })
        )
      )
    }
    for (start(); running.size > 0;) {
      const outcome = await firstOf([...running.values()], waiting.length > 0 ? headStart : Infinity)
      if (!outcome) {
        start()
        continue
      }
      running.delete(outcome.link)
      try {
        if ('failure' in outcome) throw outcome.failure
        return await greet(outcome.link, running.size + waiting.length > 0 ? patience : undefined)
      } catch (error) {
        failure = error
        if (error instanceof LinkError && error.refused) break
        start()
      }
    }
    throw failure
  }

/** The first of some outcomes; undefined when none is there in time. */
const firstOf = async (outcomes: readonly Promise<Outcome>[], time: number): Promise<Outcome> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<undefined>(resolve => {
    if (time < Infinity) timer = setTimeout(() => resolve(undefined), time)
  })
  try {
    return await Promise.race([...outcomes, late])
  } finally {
    clearTimeout(timer)
  }
}
