import type { ServerTransformer } from '../../lib/server/listener.ts'
import type { ClientTransformer, Data, Receiver, Wire } from '../../lib/transformer.ts'

/** What comes between an end and its wire. */
export interface Tap {
  /** Makes what the end gets as its wire. */
  readonly wire?: (wire: Wire) => Wire
  /** What the end hears in place of a message. */
  readonly hear?: (data: Data) => readonly Data[]
}

const tapped = (receiver: Receiver, { wire = wire => wire, hear }: Tap): Receiver => ({
  open: opened => receiver.open(wire(opened)),
  message: data => {
    for (const heard of hear ? hear(data) : [data]) receiver.message(heard)
  },
  drain: () => receiver.drain(),
  close: (code, reason, error) => receiver.close(code, reason, error)
})

/** A transformer with something between it and the clients that use it. */
export const tapClient = (transformer: ClientTransformer, tap: Tap): ClientTransformer => ({
  name: transformer.name,
  supports: transformer.supports,
  dial: (url, receiver, signal) => transformer.dial(url, tapped(receiver, tap), signal)
})

/** A transformer with something between it and the server that uses it. */
export const tapServer = (transformer: ServerTransformer, tap: Tap): ServerTransformer => ({
  name: transformer.name,
  supports: transformer.supports,
  listen: (host, accept) =>
    transformer.listen(host, request => {
      const receiver = accept(request)
      return receiver instanceof Error ? receiver : tapped(receiver, tap)
    })
})

/** A wire without datagrams. */
export const reliableOnly = (wire: Wire): Wire => ({
  get buffered() {
    return wire.buffered
  },
  send: data => wire.send(data),
  close: (code, reason) => wire.close(code, reason),
  abort: () => wire.abort()
})
