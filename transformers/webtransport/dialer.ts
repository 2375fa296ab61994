import type { Receiver } from '../../lib/transformer.ts'
import { openSession } from './open-session.ts'
import { call, dig, guardPing } from './http2-guard.ts'
import { adaptSession } from './package-session.ts'
import { loadPackage } from './package.ts'
import type { WebTransportPackage } from './package.ts'
import { makeStrictLink } from './strict-link.ts'

/**
 * Dials with the package.
 * @param options - what the package takes
 */
export const dialSession = async (
  url: string,
  options: Readonly<Record<string, unknown>>,
  receiver: Receiver,
  signal: AbortSignal
): Promise<void> => {
  try {
    const { WebTransport } = await loadPackage()
    if (signal.aborted) return receiver.close(1006, '')
    const transport = new WebTransport(url, options)
    guardPing(dig(transport, ...SOCKET))
    const isLossy = (): boolean => transport.reliability === 'supports-unreliable'
    const session = adaptSession(transport, isLossy, () => cut(transport))
    openSession(session, receiver, signal, makeStrictLink(session, receiver, Infinity))
  } catch (error) {
    receiver.close(1006, '', error instanceof Error ? error : undefined)
  }
}

/** Where the package keeps its HTTP/2 session. */
const SOCKET = ['sessionint', 'parentobj', 'transportInt', 'clientInt'] as const

/**
 * Ends a session with its socket, in whatever state it is. The package would wait for an answer, and for its own timers; it
 * does not document what is used here, as of 1.6.8, and over HTTP/3 there is nothing of it.
 */
const cut = (transport: InstanceType<typeof WebTransportPackage.WebTransport>): void => {
  transport.close()
  const client = dig(transport, 'sessionint', 'parentobj')
  const reason = new Error('the session was ended')
  // Its listener would throw where the socket is gone before it is secure, outside of everybody's reach.
  call(dig(transport, ...SOCKET, 'socket'), 'removeAllListeners', 'secureConnect')
  call(dig(transport, ...SOCKET), 'destroy', dig(client, 'quicconnectedProm') ? reason : undefined)
  // Nobody waits for it yet while the socket still opens.
  call(dig(client, 'webtransport'), 'catch', () => {})
  call(dig(client, 'webtransportProm'), 'reject', reason)
}
