import type { Connection } from '../../lib/connection.ts'
import type { Middleware } from './router.ts'

export interface RpcOptions<P = Connection> {
  /** Milliseconds until a call that this end makes must be answered; for a stream, begin. Infinity: no end. Default 30,000. */
  readonly timeout?: number | undefined
  /** Around all handlers of this end, the first one outermost. */
  readonly use?: readonly Middleware<P>[] | undefined
}
