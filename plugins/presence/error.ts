/** Why the server refused. */
export class PresenceError extends Error {
  /** `ERR_DENIED`: not allowed; `ERR_LIMIT`: too many places. */
  readonly code: string

  constructor(code: string) {
    super(`the server refused: ${code}`)
    this.name = 'PresenceError'
    this.code = code
  }
}
