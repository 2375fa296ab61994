import type * as failures from './failures.ts'

/** A row of the table in lib/failures.ts. */
export type Failure = (typeof failures)[keyof typeof failures]

/** A stable name of what happened; it never changes its meaning. */
export type ErrorCode = Failure[0]

/** The one error class. `code` is for programs, `message` for people: what happened, and what to do. */
export class AnywireError extends Error {
  readonly code: ErrorCode
  /** The close code that tells the other end; 0 when it stays local. */
  readonly status: number

  /** @param hint - what exactly happened, or what to do about it; stands behind the message of the failure */
  constructor([code, status, message]: Failure, hint?: string, cause?: unknown) {
    super(hint ? `${message}: ${hint}` : message, { cause })
    this.name = 'AnywireError'
    this.code = code
    this.status = status
  }
}

/** Whether connecting again makes sense after a close with this code. */
export const retryable = (code: number): boolean =>
  code < 3000 ? code !== 1000 && code !== 1008 && code !== 1009 : code % 1000 < 500
