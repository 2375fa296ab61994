import { textOf } from './errors.ts'
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

/** Why a link did not come to carry a connection. */
export interface LinkError extends Error {
  readonly code: number
  readonly goodbye: Goodbye
  /** The server said no, and would say so over any other wire. */
  readonly refused: boolean
}

export const linkError = (goodbye: Goodbye = [1006, GIVEN_UP, 0], refused = false): LinkError =>
  Object.assign(new Error(goodbye[1]), { code: goodbye[0], goodbye, refused })

/** Whatever was thrown, as the failure of a link. */
export const linkErrorOf = (thrown: unknown): LinkError =>
  (Object(thrown) as Partial<LinkError>).goodbye ? (thrown as LinkError) : linkError([1006, textOf(thrown), 0])
