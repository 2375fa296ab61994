import { AnywireError, textOf } from './errors.ts'
import type { Goodbye } from './handshake.ts'

/**
 * An attempt to carry a connection over a wire; and then that wire, as long as it is the one in use. It settles when the server
 * has answered, and rejects with a LinkError.
 */
export interface Link extends Promise<void> {
  readonly abort: Abort
}

/** Cuts the wire, or stops opening it. */
export type Abort = (error?: LinkError) => void

/** Why a link was cut that had not failed: another one was quicker, or the client was ended. */
export const GIVEN_UP = 'given up'

/** Why a link did not come to carry a connection: an ERR_LINK whose `status` is the close code, and its message the reason. */
export interface LinkError extends AnywireError {
  readonly goodbye: Goodbye
  /** True: the server said no, and would say so over any other wire. */
  readonly refused: boolean | undefined
}

export const linkError = (goodbye: Goodbye = [1006, GIVEN_UP, 0], refused?: boolean): LinkError =>
  Object.assign(new AnywireError(['ERR_LINK', ...goodbye]), { goodbye, refused })

/** Whatever was thrown, as the failure of a link: what would not connect again is told as if the server had said so. */
export const linkErrorOf = (thrown: unknown): LinkError => {
  const { goodbye, status = 0, message = '' } = Object(thrown) as Partial<LinkError>
  if (goodbye) return thrown as LinkError
  return status > 3499 ? linkError([status, message, 0], true) : linkError([1006, textOf(thrown), 0])
}
