import { AnywireError } from './errors.ts'
import { ERR_CLOSED } from './failures.ts'

/** Whether something was thrown because what it was asked of is closed. */
export const isClosedError = (thrown: unknown): boolean =>
  thrown instanceof AnywireError && thrown.code === ERR_CLOSED[0]
