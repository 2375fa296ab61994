import { AnywireError } from '../../lib/errors.ts'
import { ERR_ARGUMENTS, ERR_LIMIT, ERR_SERVER } from '../../lib/failures.ts'
import type { Failure } from '../../lib/errors.ts'
import { hintOf, isItem } from './item.ts'
import type { Item } from './item.ts'
import { write } from './json.ts'

/** Characters of all results of a request: a few items may ask for all that there is. */
const ANSWER = 16_777_216

/** What came of one item. */
export type Result =
  | { readonly value?: unknown }
  | { readonly error: { readonly code: string; readonly message: string; readonly data?: unknown } }

/** An error as callers see it; undefined for what is none of their business. */
export const errorOf = (error: unknown): { code: string; message: string; data?: unknown } | undefined => {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  const known = error instanceof AnywireError || error.name === 'RpcError'
  return known ? { code: error.code, message: error.message, ...('data' in error && { data: error.data }) } : undefined
}

const failure = ([code, , message]: Failure, hint?: string): Result => ({
  error: { code, message: hint ? `${message}: ${hint}` : message }
})

/** Items of one line are worked on one after the other; those without one all at once. */
const lineOf = (item: Item): string | undefined => {
  if ('call' in item || 'read' in item) return undefined
  if ('publish' in item) return item.publish
  if ('history' in item) return item.history
  return 'retained' in item ? item.retained : item.members
}

/**
 * Works on all items of a request, and gives each its own result.
 * @param work - does one item; throws why it did not
 * @param signal - ends what goes on, with its reason
 * @param report - is told what no caller is
 * @returns JSON text
 */
export const runBatch = async (
  items: readonly unknown[],
  work: (item: Item) => Promise<unknown>,
  signal: AbortSignal,
  report: (error: unknown) => void
): Promise<string> => {
  const ended = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })
  // Nobody may be waiting.
  ended.catch(() => {})
  const lines = new Map<string, Promise<unknown>>()
  let room = ANSWER
  const tell = (result: Result, error?: unknown): string => {
    if (error !== undefined && !errorOf(error)) report(error)
    try {
      const text = write(result)
      if (text.length > room) return write(failure(ERR_LIMIT, `${ANSWER} characters of an answer`))
      room -= text.length
      return text
    } catch (unwritable) {
      // Only its caller is told what is wrong with a value of its kind; nobody else would be of what is in it.
      if (unwritable instanceof Error && unwritable.cause) report(unwritable.cause)
      const told = errorOf(unwritable)
      return write(told ? { error: told } : failure(ERR_SERVER))
    }
  }
  const run = async (item: Item): Promise<string> => {
    const line = lineOf(item)
    const before = line === undefined ? undefined : lines.get(line)
    const working = before ? before.then(() => work(item)) : work(item)
    if (line !== undefined)
      lines.set(
        line,
        working.catch(() => {})
      )
    try {
      return tell({ value: await Promise.race([working, ended]) })
    } catch (error) {
      return tell({ error: errorOf(error) ?? { code: ERR_SERVER[0], message: ERR_SERVER[2] } }, error)
    }
  }
  const results = items.map(item =>
    isItem(item) ? run(item) : Promise.resolve(tell(failure(ERR_ARGUMENTS, hintOf(item))))
  )
  return `[${(await Promise.all(results)).join(',')}]`
}
