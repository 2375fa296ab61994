import { isCount } from '../../lib/handshake.ts'
import type { Message } from './message.ts'

/*
 * Over the lane, as lib/requests.ts has it. To the server:
 *
 *     [id, SUBSCRIBE, name, client, epoch?, sequence?]    behind that place, where it was there before
 *     [id, PUBLISH, topic, client, key, ...value]         client: 0, unless it wants to be left out; key: text, or 0
 *     [id, HISTORY, topic, epoch, offset, limit, reverse] offset -1: from the beginning
 *     [id, LISTEN, name]
 *     [id, LOOSE, topic, client, key, ...value]           as PUBLISH: what may be lost, over both ways
 *
 * To the client:
 *
 *     [topic, sequence, offset, ...value]        a message for all subscriptions that meet its topic
 *     [-id, PASSED, [topic, …], epoch, kind]     a message for one request; kind: MISSABLE, RETAINED or SKIPPED
 *     [-id, START, name], [-id, STOP, name]      to who listens: somebody is subscribed, nobody is any more
 *     [-id, '']                                  the server's application ended a subscription
 *     [0, topic, code, text]                     what was published without an id was refused
 *     [0, topic, sequence, offset]               a message that this client was left out of
 *     [0, epoch]                                 that of the messages to come, where the server's application subscribes it
 *
 * The value is the rest of its list: nothing for none, one element for a value, two for undefined, which JSON does not know.
 * `client` is a text that a client keeps for all its sessions, and tells nobody else. `sequence` counts the messages of all
 * topics that have a history, and is 0 for others. `offset` counts those of a topic.
 */
export const SUBSCRIBE = 0
export const PUBLISH = 1
export const HISTORY = 2
export const LISTEN = 3
export const LOOSE = 4

export const PASSED = 1
export const START = 2
export const STOP = 3

/** A message of the history; the last one of a topic; one that the client was left out of. */
export const MISSABLE = 0
export const RETAINED = 1
export const SKIPPED = 2

/** What came of a subscription. */
export const NEW = 0
export const RECOVERED = 1
export const MISSED = 2

export type MessagePacket = readonly [topic: string, sequence: number, offset: number, ...value: unknown[]]

/** The value as it travels, of the arguments that a caller gave. */
export const box = (values: readonly unknown[]): readonly unknown[] =>
  values.length && values[0] === undefined ? [0, 0] : values.slice(0, 1)

export const unbox = ([value, ...more]: readonly unknown[]): unknown => (more.length ? undefined : value)

/** In the place of a message, for who is left out: otherwise it would miss it. */
export const toSkip = ([topic, sequence, offset]: MessagePacket): MessagePacket => [topic, sequence, offset]

/** Whether it can be taken for a message: another version of the other half may say anything. */
export const isMessage = (packet: unknown): packet is MessagePacket =>
  Array.isArray(packet) && typeof packet[0] === 'string' && isCount(packet[1]) && isCount(packet[2])

export const toMessage = ([topic, , offset, ...value]: MessagePacket, epoch: string, retained = false): Message => {
  const message = { topic, ...(value.length && { value: unbox(value) }), offset, epoch, retained }
  // Where there is none, it is not there.
  return message as Message
}

/** Text; '' for what is none. */
export const toText = (value: unknown): string => (typeof value === 'string' ? value : '')
