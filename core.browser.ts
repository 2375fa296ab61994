/** anywire without defaults, for browsers. */
export { connect } from './lib/client.ts'
export { AnywireError, retryable } from './lib/errors.ts'
export type * from './lib/types.ts'
