import { AnywireError, asError, textOf } from '../errors.ts'
import { ERR_HANDLER, ERR_ORIGIN, ERR_PARSER, ERR_PROTOCOL, ERR_UNAUTHORIZED } from '../failures.ts'
import type { Hello } from '../handshake.ts'
import type { Parser } from '../parser.ts'
import { Forwarding } from './address.ts'
import type { LinkRequest } from './listener.ts'
import { findMismatch, findVersionMismatch } from './mismatch.ts'
import type { AnyServerOptions } from './options.ts'
import { isAllowedOrigin } from './origin.ts'
import type { Handshake } from './peer.ts'

/** The host itself is not told: behind a proxy it may be nobody's business. */
const OTHER_HOST = `, which is not the host that the request was for: add it to the server's 'origins', or have the proxy keep 'Host'`

/** A client that may come in, and what came out about it. */
export interface Admitted {
  /** What `authenticate` returned. */
  readonly context: unknown
  readonly parser: Parser
}

type Report = (error: AnywireError, stage: string) => void

/** Judges clients by the rules of the options. It keeps nothing. */
export class Admission {
  readonly #options: AnyServerOptions
  readonly #forwarding: Forwarding
  readonly #report: Report

  constructor(options: AnyServerOptions, report: Report) {
    this.#options = options
    this.#forwarding = new Forwarding(options.trustProxy)
    this.#report = report
  }

  /** Where a request comes from. */
  address(request: LinkRequest): string {
    return this.#forwarding.address(request)
  }

  /** Why a client may not even have a wire. */
  refusal(request: LinkRequest, plain: boolean): AnywireError | undefined {
    const { plain: takesPlain = true } = this.#options
    if (!this.allows(request)) {
      const { origins } = this.#options
      return new AnywireError(ERR_ORIGIN, `${request.headers.origin}${origins === undefined ? OTHER_HOST : ''}`)
    }
    return plain && !takesPlain ? new AnywireError(ERR_PROTOCOL, 'plain clients are not accepted') : undefined
  }

  /** Whether a request's origin is allowed. */
  allows(request: LinkRequest): boolean {
    try {
      return isAllowedOrigin(request, this.#forwarding.host(request), this.#options.origins)
    } catch (error) {
      this.failed(error, 'origins')
      return false
    }
  }

  /** Judges a client by what it says: who is not known is told nothing of the server but the version. */
  async judge(handshake: Handshake, hello: Hello | undefined): Promise<Admitted | AnywireError> {
    const { plugins = [], parsers, schema } = this.#options
    const outdated = hello && findVersionMismatch(hello)
    if (outdated) return outdated
    const context = await this.authenticate(handshake, hello?.auth)
    if (context instanceof AnywireError) return context
    const mismatch = hello && findMismatch(hello, plugins, schema)
    if (mismatch) return mismatch
    const parser = hello ? parsers.find(({ name }) => name === hello.parser) : parsers[0]
    return parser ? { context, parser } : new AnywireError(ERR_PARSER, hello?.parser)
  }

  /** Whether the client that came back is the one that left. */
  async isSame(before: unknown, now: unknown, same: (before: unknown, now: unknown) => unknown): Promise<boolean> {
    try {
      return (await same(before, now)) === true
    } catch (error) {
      this.failed(error, 'same')
      return false
    }
  }

  /** What the application gave has failed. */
  failed(error: unknown, stage: string): void {
    this.#report(asError(error, ERR_HANDLER, `'${stage}': ${textOf(error)}`), stage)
  }

  /** What the application makes of a client: a context, or the AnywireError that refuses it. */
  async authenticate(handshake: Handshake, auth: unknown): Promise<unknown> {
    const { authenticate } = this.#options
    if (!authenticate) return undefined
    const { transformer, url, query, headers, address, plain } = handshake
    try {
      const context = await authenticate({ transformer, url, query, headers, address, plain, auth })
      if (context instanceof Error) throw context
      // Whoever forgets to return something has not let anybody in.
      if ((context ?? false) !== false) return context
    } catch (error) {
      // An error that a close code belongs to is an answer.
      if (error instanceof AnywireError && isRefusal(error.status)) return error
      const failure = new AnywireError(ERR_HANDLER, `'authenticate': ${textOf(error)}`, error)
      this.#report(failure, 'authenticate')
    }
    return new AnywireError(ERR_UNAUTHORIZED)
  }
}

/** Whether a wire can be closed with a code. */
const isRefusal = (status: number): boolean => Number.isInteger(status) && status >= 3000 && status < 5000
