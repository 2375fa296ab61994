import type { Receiver } from '../../lib/transformer.ts'
import { makeStrictDecoder } from './decoder.ts'
import type { WebTransportSession } from './session.ts'
import { makeLink } from './wire.ts'
import type { Link } from './wire.ts'

/** Milliseconds for the other end to close the session after a goodbye. */
const PATIENCE = 5_000

/**
 * A link with an end that may do anything.
 * @param limit - the longest message, in bytes
 */
export const makeStrictLink = (session: WebTransportSession, receiver: Receiver, limit: number): Link => {
  let timer: ReturnType<typeof setTimeout> | undefined
  let over = false
  const link = makeLink(session, receiver, hear => {
    const decode = makeStrictDecoder(limit, hear, code => wire.close(code, ''))
    return chunk => {
      wire.received = (wire.received ?? 0) + chunk.length
      decode(chunk)
    }
  })
  const { wire } = link
  const close = wire.close.bind(wire)
  wire.close = (code, reason) => {
    close(code, reason)
    if (!over) timer ??= setTimeout(link.lost, PATIENCE)
  }
  const stop = (): void => {
    over = true
    clearTimeout(timer)
  }
  session.closed.then(stop, stop)
  return link
}
