import { AnywireError } from '../../../lib/errors.ts'
import { ERR_OPTION } from '../../../lib/failures.ts'

type AnyFunction = (...args: never[]) => unknown

/**
 * What is called later would fail then, where nobody sees who passed it.
 * @param whose - what it was passed to
 * @throws ERR_OPTION
 */
export function checkFunction<T>(whose: string, value: T): asserts value is T & AnyFunction {
  if (typeof value !== 'function') throw new AnywireError(ERR_OPTION, `'${whose}' needs a function`)
}
