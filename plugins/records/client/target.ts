import type { Value } from '../../../lib/store.ts'
import { AnywireError } from '../../../lib/errors.ts'
import { ERR_PATH } from '../../../lib/failures.ts'
import type { Operation } from '../core/edit.ts'
import { showsBelow } from '../core/place.ts'
import type { Place } from '../core/place.ts'

/** What is to hold when a write is judged. */
export interface EditOptions {
  /** The version that the record must still have, else nothing is written and ERR_CONFLICT told. */
  readonly ifVersion?: number | undefined
}

/** What reads and changes one record, for whoever adds ways to do so: `R` is what a change returns. */
export interface Target<R> {
  /** The record as it is seen; undefined where there is none. */
  look(): Value | undefined
  /** What is at a path, to look at a part of it. @throws ERR_PATH */
  find(path: string): Place | undefined
  /** Writes what an `Edit` makes of it. Throws what that throws. */
  edit(operation: Operation, path: string, value?: unknown, options?: EditOptions): R
}

/** What is made of fields is not to replace another value. @param what - it is to be @throws ERR_PATH */
export const checkFields = (target: Target<unknown>, path: string, what: string): void => {
  const place = target.find(path)
  const there = place?.value
  if (place && there !== undefined && (typeof there !== 'object' || there instanceof Uint8Array) && !showsBelow(place))
    throw new AnywireError(ERR_PATH, `'${path}' is no ${what}`)
}
