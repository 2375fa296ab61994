import { AnywireError } from '../../../lib/errors.ts'
import { ERR_OUTCOME_UNKNOWN, ERR_SCHEMA } from '../../../lib/failures.ts'
import type { Mismatch, SchemaVersion } from '../core/frame.ts'

/** What is rejected with it, and printed where nobody listens for it. */
export const mismatchError = ({ advice, min, max }: Mismatch, schema: SchemaVersion | undefined): AnywireError =>
  new AnywireError(
    ERR_SCHEMA,
    advice === 'other'
      ? `the server is of another application than '${schema?.id}'`
      : `this is ${schema?.version ?? 'without one'}, the server has ${min} to ${max}: '${advice}'`
  )

/** What becomes of a write that was sent, and whose answer was lost before. @param cause - why nothing more will be heard of it */
export const unknownError = (cause: AnywireError): AnywireError =>
  new AnywireError(ERR_OUTCOME_UNKNOWN, cause.message, cause)
