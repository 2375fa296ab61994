import { AnywireError } from '../../lib/errors.ts'
import type { ErrorCode } from '../../lib/errors.ts'
import { isCount, parseJson } from '../../lib/handshake.ts'

/*
 * Packets are JSON text, whatever the parser is: so the server's `authenticate` gets what it would get of a hello.
 *
 *     [number, auth]              to the server: shows something new; numbers are above 0
 *     [number]                    to the client: it was accepted
 *     [number, code, message]     to the client: it was not
 *     [0, within]                 to the client: what was shown last expires in so many milliseconds
 *     [0]                         to the client: nothing, but it answers the same at once
 */
export type Packet = readonly [number: number, ...rest: unknown[]]

/** Undefined for what is no packet, which nobody answers. */
export const packetOf = (text: unknown): Packet | undefined => {
  const packet = typeof text === 'string' ? parseJson(text) : undefined
  // Whoever reads the rest looks at its types.
  return Array.isArray(packet) && isCount(packet[0]) ? (packet as unknown as Packet) : undefined
}

const isCode = (code: unknown): code is ErrorCode => typeof code === 'string' && code.startsWith('ERR_')

/** The error that a packet tells, if any. */
export const errorOf = ([, code, message]: Packet): AnywireError | undefined =>
  isCode(code) ? new AnywireError([code, 0, String(message)]) : undefined
