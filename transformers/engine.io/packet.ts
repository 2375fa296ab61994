import { fromBase64, toBase64 } from '../../lib/base64.ts'
import type { Data } from '../../lib/transformer.ts'
import { escape, unescape } from './text.ts'

/** The packet of a message: text with its type, bytes as they are. */
export const toPacket = (data: Data): Data => (typeof data === 'string' ? `4${escape(data)}` : data)

/** The message of a packet. Throws for what has none. */
export const fromPacket = (packet: Data): Data => {
  if (typeof packet !== 'string') return packet
  const rest = packet.slice(1)
  if (packet[0] === '4') return unescape(rest)
  if (packet[0] === 'b') return fromBase64(rest)
  throw new Error('no packet of engine.io')
}

/** A packet as polls have it: bytes as base64. */
export const toText = (packet: Data): string => (typeof packet === 'string' ? packet : `b${toBase64(packet)}`)

/** How many bytes a packet takes in a poll, at most. */
export const sizeOf = ({ length }: Data): number => 3 * length + 5
