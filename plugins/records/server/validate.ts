import { AnywireError, textOf } from '../../../lib/errors.ts'
import { ERR_INVALID } from '../../../lib/failures.ts'
import type { StandardSchema } from '../../../lib/standard-schema.ts'
import type { Value } from '../../../lib/store.ts'
import type { Schema, TypeOf } from '../client/types.ts'
import { maybe } from './maybe.ts'
import type { Maybe } from './maybe.ts'
import type { Reader, RecordsReader } from './reader.ts'

/** What may be a record, with whatever in its fields. */
type Unchecked<S extends Schema, Name extends string> = string extends keyof S
  ? Value
  : { readonly [Key in keyof TypeOf<S, Name>]?: unknown }

/**
 * Judges a whole record as it would be: a schema of any library that follows https://standardschema.dev, whose output is not
 * used, or a function, which may look at other records as they will be with this write, and all that its author wrote before. False, or
 * text that says why, refuses; so does an `AnywireError`, whose message is told. Any other error refuses without a reason, and is told to the server.
 */
export type Validate<S extends Schema = Schema, Name extends string = keyof S & string> =
  | StandardSchema
  | ((value: Unchecked<S, Name>, record: string, records: RecordsReader<S>) => Answer | Promise<Answer>)

type Answer = boolean | string | void

type Verdict = Awaited<ReturnType<StandardSchema['~standard']['validate']>> | Answer

const refuse = (why: string): string => (why ? `${ERR_INVALID[2]}: ${why}` : ERR_INVALID[2])

/**
 * Why a record is not accepted; undefined: it is.
 * @param failed - told of what is no answer, but a mistake of who was asked
 */
export const validate = (
  by: Validate,
  value: Value,
  record: string,
  records: Reader,
  failed: (error: unknown) => void
): Maybe<string | undefined> => {
  const fail = (error: unknown): string => {
    if (error instanceof AnywireError) return error.message
    failed(error)
    return refuse('')
  }
  try {
    const answer = maybe<Verdict>(
      typeof by === 'function' ? by(value, record, records) : by['~standard'].validate(value)
    )
    return answer instanceof Promise ? answer.then(reasonOf, fail) : reasonOf(answer)
  } catch (error) {
    return fail(error)
  }
}

const reasonOf = (answer: Verdict): string | undefined => {
  if (typeof answer === 'string') return refuse(answer)
  if (typeof answer !== 'object') return answer === false ? refuse('') : undefined
  return answer.issues && refuse(answer.issues.map(({ message, path }) => `${placeOf(path)}${message}`).join('; '))
}

const placeOf = (path: readonly unknown[] = []): string =>
  path.length
    ? `${path.map(part => textOf(typeof part === 'object' && part && 'key' in part ? part.key : part)).join('.')}: `
    : ''
