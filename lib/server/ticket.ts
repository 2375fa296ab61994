import { randomBytes, timingSafeEqual } from 'node:crypto'

/** What resumes a session: the secret of its last welcome and, until the client has that one, the one before. */
export class Ticket {
  #secret = ''
  #former = ''

  matches(secret: string): boolean {
    return equal(secret, this.#secret) || equal(secret, this.#former)
  }

  /**
   * Makes the secret of the next welcome.
   * @param shown - what the client has shown, if anything; it may not get the next one before its wire is lost too
   */
  renew(shown = ''): string {
    this.#former = shown
    return (this.#secret = randomBytes(16).toString('base64url'))
  }

  /** The client has the last secret: the one before is worth nothing. */
  confirm(): void {
    this.#former = ''
  }
}

/** What the client shows: the id of the session, and the secret. */
export const makeToken = (id: string, secret: string): string => `${id}.${secret}`

export const parseToken = (token: string): readonly [id: string, secret: string] => {
  const dot = token.lastIndexOf('.')
  return [token.slice(0, Math.max(dot, 0)), token.slice(dot + 1)]
}

const equal = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length > 0 && left.length === right.length && timingSafeEqual(left, right)
}
