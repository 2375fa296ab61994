import type { EventNames } from './checked-emitter.ts'
import type { ConnectionEvents } from './connection.ts'

/** Those of peers, and of clients. */
export const CONNECTION_EVENTS: EventNames<ConnectionEvents> = {
  data: true,
  drain: true,
  open: true,
  migrate: true,
  disconnect: true,
  attempt: true,
  close: true,
  lost: true,
  error: true
}
