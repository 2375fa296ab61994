import type { Failure } from '../../lib/errors.ts'
import type { Lane } from '../../lib/lane.ts'
import type { BareRoute, Call, Route } from './router.ts'
import type { Packet } from './wire.ts'

/** What there is to know of an end for the calls that it makes. */
interface Calling {
  /** Of the session. */
  readonly id: string
  /** Sets the calls of the two ends apart in their ids: 1 on a client, -1 on a server. */
  readonly sign: number
  /** Whether calls can be sent; where they cannot, they wait. */
  readonly ready: boolean
  /** Why they will never be sent. */
  readonly refusal: Failure | undefined
}

/** One end of a connection, as the two halves of the plugin differ. */
export interface End<P> extends Calling {
  readonly connection: P
  readonly lane: Lane
  readonly find: (name: string) => Route | BareRoute<P> | undefined
  /** Throws, or rejects, where the caller may not call this. */
  readonly admit?: (call: Call<P>) => void | Promise<void>
  /** Runs what has a key, unless it ran before. */
  readonly once?: (call: Call<P>, key: string, work: () => unknown) => unknown
  /** The other end wants to provide a service, or no longer. */
  readonly provide?: BareRoute<P>
  readonly withdraw?: (name: string) => void
}

/** What the calls that an end makes share. */
export interface Sender {
  readonly end: Calling
  send(packet: Packet): boolean
  /** Something has this deadline. */
  watch(deadline: number): void
}

/** And those that it answers. */
export interface Shared<P> extends Sender {
  readonly end: End<P>
  /** Something failed that the other end is told nothing of. */
  report(error: unknown): void
}
