/**
 * Every failure, by its code: the close code that tells the other end (0: none, it stays local), and what happened.
 * Close codes 3000–3499 say that connecting again makes sense, 3500–3999 that it does not; 4000–4499 and 4500–4999 are
 * the application's, split the same way. docs/errors.md has an entry for each, and a test compares the two.
 */
export const failures = {
  ERR_SHUTDOWN: [3000, 'The server shuts down'],
  ERR_TIMEOUT: [3001, 'Nothing was heard from the other end in time'],
  ERR_SESSION_LOST: [3002, 'The server no longer has this session'],
  ERR_SLOW: [3003, 'The other end reads too slowly, too much is waiting for it'],
  ERR_RATE: [3004, 'Too many messages in too short a time'],
  ERR_HANDSHAKE_TIMEOUT: [3005, 'The handshake took too long'],
  ERR_BUSY: [3006, 'Too many connections'],
  ERR_SERVER: [3007, 'The server failed to accept the connection'],
  ERR_EXPIRED: [3008, 'The authentication is no longer valid'],
  ERR_PROTOCOL: [3500, 'A message broke the protocol'],
  ERR_VERSION: [3501, 'The two ends speak different protocol versions'],
  ERR_UNAUTHORIZED: [3502, 'The server refused the authentication'],
  ERR_PARSER: [3503, 'The server does not accept this parser'],
  ERR_PLUGIN: [3504, 'A plugin is missing or has another version on the other end'],
  ERR_SCHEMA: [3505, 'The two ends have different schema versions'],
  ERR_ORIGIN: [3506, 'Pages of this origin may not connect'],
  ERR_TOO_LARGE: [3507, 'A message is larger than the limit'],
  ERR_VALUE: [3508, 'A value could not be decoded'],
  ERR_REPLACED: [3509, 'The session went on over another wire'],
  ERR_CLOSED: [0, 'The connection is closed'],
  ERR_ENCODE: [0, 'The parser cannot encode this value'],
  ERR_UNREACHABLE: [0, 'No wire could be opened'],
  ERR_HANDLER: [0, 'A handler failed'],
  ERR_INTERCEPTOR: [0, 'An interceptor failed'],
  ERR_OPTION: [0, 'An option is wrong'],
  ERR_MISSING_PACKAGE: [0, 'An optional package is not installed'],
  ERR_PLUGIN_NAME: [0, 'The name of a plugin is taken'],
  ERR_PLUGIN_NEEDS: [0, 'A plugin needs another one before it']
} as const satisfies Record<string, readonly [number, string]>

/** A stable name of what happened; it never changes its meaning. */
export type ErrorCode = keyof typeof failures

/** The one error class. `code` is for programs, `message` for people: what happened, and what to do. */
export class AnywireError extends Error {
  override readonly name = 'AnywireError'
  readonly code: ErrorCode

  /** @param hint - what exactly happened, or what to do about it; appended to the message of the code. */
  constructor(code: ErrorCode, hint?: string, cause?: unknown) {
    super(failures[code][1] + (hint ? `: ${hint}` : ''), cause === undefined ? undefined : { cause })
    this.code = code
  }

  /** The close code that tells the other end; 0 when it stays local. */
  get status(): number {
    return failures[this.code][0]
  }
}

/** Whether connecting again makes sense after a close with this code: see `failures`. */
export const retryable = (code: number): boolean =>
  code < 3000 ? code !== 1000 && code !== 1008 && code !== 1009 : code < 3500 || (code >= 4000 && code < 4500)
