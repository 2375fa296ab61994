import type { Client } from './client.ts'
import type { ConnectionEvents } from './connection.ts'
import type { Emitter } from './emitter.ts'
import type { Pipeline } from './pipeline.ts'

/** A client, as its messages see it. */
export type Trafficker = Emitter<ConnectionEvents> &
  Pick<Client, 'state' | 'parser'> & { readonly incoming: Pipeline; readonly outgoing: Pipeline }
