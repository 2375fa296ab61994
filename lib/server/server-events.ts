import type { EventNames } from '../checked-emitter.ts'
import type { ServerEvents } from './server.ts'

export const SERVER_EVENTS: EventNames<ServerEvents> = {
  connection: true,
  listening: true,
  context: true,
  refused: true,
  error: true,
  close: true
}
