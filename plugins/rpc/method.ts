import { AnywireError } from '../../lib/errors.ts'
import { ERR_ARGUMENTS, ERR_HANDLER } from '../../lib/failures.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { StandardSchema } from '../../lib/standard-schema.ts'
import { because, RpcError } from './error.ts'
import { isStream } from './pump.ts'
import type { Stream } from './pump.ts'
import type { Items } from './remote.ts'
import type { Call } from './router.ts'

type Inputs<S extends readonly StandardSchema[]> = {
  -readonly [K in keyof S]: NonNullable<S[K]['~standard']['types']>['input']
}
type Outputs<S extends readonly StandardSchema[]> = {
  -readonly [K in keyof S]: NonNullable<S[K]['~standard']['types']>['output']
}
/** What the schema of results makes of what a handler returns. */
type Output<S, R> =
  S extends StandardSchema<unknown, infer O>
    ? [Awaited<R>] extends [never]
      ? Promise<O>
      : [Awaited<R>] extends [Items<unknown>]
        ? AsyncIterable<O>
        : Promise<O>
    : R extends Items<infer Item>
      ? AsyncIterable<Item>
      : Promise<Awaited<R>>

type Given<S> = S extends StandardSchema<infer I, unknown> ? I | Items<I> | Promise<I | Items<I>> : unknown

export interface Schemas<I extends readonly StandardSchema[], O extends StandardSchema | undefined> {
  /** One for each argument. What they make of the arguments is what the handler gets. */
  readonly input: I
  /** Of the result; of a stream, of each item. */
  readonly output?: O
}

/**
 * A handler whose arguments and results are validated. Its caller hears ERR_ARGUMENTS, with `data.argument`, the index, and
 * `data.issues` of the schema; the message has the first of them.
 * @example rpc({ add: method({ input: [z.number(), z.number()] }, (a, b) => a + b) })
 */
export const method = <
  const I extends readonly StandardSchema[],
  O extends StandardSchema | undefined = undefined,
  R extends Given<O> = Given<O>,
  Context = unknown
>(
  { input, output }: Schemas<I, O>,
  handler: (...args: [...Outputs<I>, Call<Peer<Context>>]) => R
): ((...args: [...Inputs<I>, Call<Peer<Context>>]) => Output<O, R>) => {
  const accept = async (schema: StandardSchema, argument: number, value: unknown): Promise<unknown> => {
    const validated = await schema['~standard'].validate(value)
    if (!validated.issues) return validated.value
    const issues = validated.issues.map(({ message, path }) => ({ message, path: path?.map(keyOf) ?? [] }))
    const [code, , message] = ERR_ARGUMENTS
    const [first] = issues
    // Which argument, and where in it; the rest is data.
    const where = [argument, ...(first?.path ?? [])].join('.')
    throw new RpcError(code, `${message}: ${where}: ${first?.message}`, { argument, issues })
  }
  const check = async (value: unknown): Promise<unknown> => {
    const validated = output ? await output['~standard'].validate(value) : { value }
    if (!validated.issues) return validated.value
    // It is none of the caller's business how this end is broken.
    throw new AnywireError(
      ERR_HANDLER,
      `a result is not as its schema: ${validated.issues.map(issue => issue.message).join()}`
    )
  }
  const run = async (...all: unknown[]): Promise<unknown> => {
    if (all.length > input.length + 1) throw because(ERR_ARGUMENTS, `more than ${input.length}`)
    const args = await Promise.all(input.map((schema, index) => accept(schema, index, all[index])))
    // What the schemas return has the types that they say, and the call stands behind the arguments.
    const result: unknown = await handler(...([...args, all.at(-1)] as [...Outputs<I>, Call<Peer<Context>>]))
    return isStream(result) ? each(result, check) : check(result)
  }
  // It takes what the schemas are for, and its call. At run time a promise of a stream is a stream.
  return Object.defineProperty(run, 'length', { value: input.length + 1 }) as unknown as (
    ...args: [...Inputs<I>, Call<Peer<Context>>]
  ) => Output<O, R>
}

async function* each(
  stream: Stream,
  check: (value: unknown) => Promise<unknown>
): AsyncGenerator<unknown, void, undefined> {
  for await (const item of stream) yield await check(item)
}

/** Paths are of keys, or of objects that have one. */
const keyOf = (part: unknown): unknown => {
  const key = typeof part === 'object' && part && 'key' in part ? part.key : part
  return typeof key === 'number' ? key : String(key)
}
