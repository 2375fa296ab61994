import { textOf } from '../../lib/errors.ts'
import type { Failure } from '../../lib/errors.ts'
import { ERR_HANDLER, ERR_NO_PROVIDER } from '../../lib/failures.ts'
import type { Lane } from '../../lib/lane.ts'
import { because, RpcError } from './error.ts'
import type { Route } from './router.ts'
import type { AnswerPacket } from './wire.ts'

/** Where calls are answered. */
export interface Answering<P> {
  readonly connection: P
  readonly lane: Lane
  readonly runs: Map<number, unknown>
  /** Tells what came of a call, together with what else is told in this turn. */
  answer(packet: AnswerPacket, name: string): void
  /** Says something else of one, at once. Returns and throws what `write` does. */
  write(packet: unknown): boolean
  idOf(call: { readonly key?: string | undefined; readonly number: number }): string
}

/** A call of the other end that is being answered. */
export interface Running<P> {
  /** Has a handler answer. Returns a promise when it takes its time. */
  start(route: Route<P>): Promise<void> | undefined
  /** Goes no further. Only what is meant for the caller is told. */
  threw(error: unknown): void
  /** Nobody waits for it any more. */
  abort(failure: Failure): void
  /** The session is over. What has a key goes on, but for a stream. */
  over(): void
  /** Of a stream, so many items were taken; undefined: the connection has room again. */
  more(count?: unknown): void
  /** Whether the answer is a stream, and has begun. */
  readonly streams: boolean
}

/** What the handler of a name failed with is reported. */
export const stageOf = (name: string): string => `rpc ${name}`

/** What a caller is told of what a handler threw. What is not meant for it is reported here. */
export const failureOf = (error: unknown, lane: Lane, name: string): readonly [code: string, ...rest: unknown[]] => {
  if (!(error instanceof RpcError)) {
    lane.failed(error, stageOf(name))
    return failureOf(because(ERR_HANDLER), lane, name)
  }
  const { code, message, data } = error
  return data === undefined ? [code, textOf(message)] : [code, textOf(message), data]
}

/** A provider does not take a call. */
export const notHere = (reason?: string): never => {
  throw because(ERR_NO_PROVIDER, reason)
}
