import type { End } from './connection.ts'
import type * as failures from './failures.ts'
import { isFinal } from './handshake.ts'
import type { Goodbye } from './handshake.ts'

/** A stable name of what happened; it never changes its meaning. */
export type ErrorCode = keyof typeof failures

/** A row of the table in lib/failures.ts. */
export type Failure = readonly [code: ErrorCode, status: number, message: string]

/** The one error class. `code` is for programs, `message` for people: what happened, and what to do. */
export class AnywireError extends Error {
  declare readonly code: ErrorCode
  /** The close code that tells the other end; 0 when it stays local. */
  declare readonly status: number

  /** @param hint - what exactly happened, or what to do about it; stands behind the message of the failure */
  constructor([code, status, message]: readonly [...Failure, ...more: unknown[]], hint?: string, cause?: unknown) {
    super(hint ? `${message}: ${hint}` : message, { cause })
    Object.assign(this, { name: 'AnywireError', code, status })
  }
}

/** The goodbye that tells the other end of a failure. */
export const tell = ([, status, message]: Failure): Goodbye => [status, message, 0]

/** What a goodbye means to the application. */
export const endOf = ([code, reason, after]: Goodbye, reconnect: boolean): End => ({ code, reason, after, reconnect })

/** What was thrown, as text: it may be anything, also what cannot be made text. */
export const textOf = (thrown: unknown): string => {
  try {
    return String(thrown)
  } catch {
    return typeof thrown
  }
}

/** What was thrown, as an error of ours: whatever is none is a failure. Clients write it out, which is fewer bytes. */
export const asError = (thrown: unknown, failure: Failure, hint = textOf(thrown)): AnywireError =>
  thrown instanceof AnywireError ? thrown : new AnywireError(failure, hint, thrown)

/** Whether connecting again makes sense after a close with this code. */
export const retryable = (code: number): boolean => (code < 3000 ? code !== 1000 && !isFinal(code) : code % 1000 < 500)
