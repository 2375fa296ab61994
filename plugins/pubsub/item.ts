import { isCount } from '../../lib/handshake.ts'
import type { Place } from './log.ts'
import { toText } from './wire.ts'

/** What a client asks for: see wire.ts. */
export type Item = readonly [id: number, kind: number, name: string, ...rest: unknown[]]

export const isItem = (packet: readonly unknown[]): packet is Item =>
  isCount(packet[0]) && isCount(packet[1]) && typeof packet[2] === 'string'

/** Where a client was. Undefined: it was not there before. */
export const placeOf = ([, , , , epoch, sequence]: Item): Place | undefined =>
  typeof epoch === 'string' && isCount(sequence) ? { epoch, sequence } : undefined

export interface Publication {
  /** What the publisher calls itself, where it wants to be left out. */
  readonly client: string | undefined
  readonly key: string | undefined
  readonly value: readonly unknown[]
}

export const publicationOf = ([, , , client, key, ...value]: Item, length: number): Publication | undefined => {
  const isText = (text: unknown): boolean => text === 0 || (typeof text === 'string' && text.length <= length)
  if (!isText(client) || !isText(key) || value.length > 2) return undefined
  return { client: toText(client) || undefined, key: key === 0 ? undefined : toText(key), value }
}

export interface Look {
  readonly epoch: string
  readonly offset: number
  readonly limit: number
  readonly reverse: boolean
}

export const lookOf = ([, , , epoch, offset, limit, reverse]: Item): Look | undefined =>
  typeof epoch === 'string' && (offset === -1 || isCount(offset)) && isCount(limit) && typeof reverse === 'boolean'
    ? { epoch, offset, limit, reverse }
    : undefined
