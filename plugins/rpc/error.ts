import type { Failure } from '../../lib/errors.ts'

/**
 * What a call fails with, and what a handler throws that wants its caller to know why: code, message and data travel. What
 * else a handler throws stays where it is, and its caller hears ERR_HANDLER.
 * @example throw new RpcError('NO_FUNDS', 'There is not enough on the account', { balance: 3 })
 */
export class RpcError extends Error {
  /** The application's, or one of docs/errors.md. */
  declare readonly code: string
  declare readonly data: unknown
  /** Of the call that failed: its key, or the session and the number of the call. The handler's `call.id` is the same. */
  declare readonly id: string

  constructor(code: string, message = code, data?: unknown, id = '', cause?: unknown) {
    super(message, { cause })
    Object.assign(this, { name: 'RpcError', code, data, id })
  }
}

/** A failure of the table, as calls fail with it. */
export const because = ([code, , message]: Failure, hint?: string, id?: string, cause?: unknown): RpcError =>
  new RpcError(code, hint ? `${message}: ${hint}` : message, undefined, id, cause)
