import { AnywireError } from '../../lib/errors.ts'
import type { ErrorCode } from '../../lib/errors.ts'
import { isCount } from '../../lib/handshake.ts'
import type { Message } from './message.ts'

/*
 * To the server, lists of items: what was asked for in one turn. An id above 0 asks for an answer.
 *
 *     [SUBSCRIBE, id, name, epoch, sequence, client]      behind that place; epoch 0: it was not there before
 *     [UNSUBSCRIBE, 0, name]
 *     [PUBLISH, id, topic, client, key, ...value]         client: 0, unless it wants to be left out; key: text, or 0
 *     [HISTORY, id, topic, epoch, offset, limit, reverse] offset -1: from the beginning
 *     [LISTEN, id, name]
 *     [UNLISTEN, 0, name, id]
 *
 * To the client, one by one:
 *
 *     [topic, sequence, offset, ...value]     a message for all subscriptions that meet its topic
 *     [id, [topic, …], epoch, retained]       a message for one request
 *     [id, 0, ...outcome]                     it is done
 *     [id, 3, code, hint]                     it is not done, or not any more
 *     [id, 1, name], [id, 2, name]            to who listens: somebody is subscribed, nobody is any more
 *     [0, name, code?, hint?]                 the server ended a subscription
 *     [-1, topic, code, hint]                 what was published without an id was refused
 *
 * The value is the rest of its list: nothing for none, one element for a value, two for undefined, which JSON does not know.
 * `client` is a text that a client keeps for all its sessions, and tells nobody else. `sequence` counts the messages of all topics that have a history, and is 0 for others. `offset` counts those of a topic.
 */
export const SUBSCRIBE = 0
export const UNSUBSCRIBE = 1
export const PUBLISH = 2
export const HISTORY = 3
export const LISTEN = 4
export const UNLISTEN = 5

export const DONE = 0
export const START = 1
export const STOP = 2
export const FAILED = 3

/** What came of a subscription. */
export const NEW = 0
export const RECOVERED = 1
export const MISSED = 2

/** How many items a list may have. */
export const MOST_ITEMS = 1_000

export type MessagePacket = readonly [topic: string, sequence: number, offset: number, ...value: unknown[]]

/** The value as it travels, of the arguments that a caller gave. */
export const box = (values: readonly unknown[]): readonly unknown[] =>
  values.length && values[0] === undefined ? [0, 0] : values.slice(0, 1)

export const unbox = ([value, ...more]: readonly unknown[]): unknown => (more.length ? undefined : value)

export const isMessage = (packet: unknown): packet is MessagePacket =>
  Array.isArray(packet) && typeof packet[0] === 'string' && isCount(packet[1]) && isCount(packet[2])

export const toMessage = ([topic, , offset, ...value]: MessagePacket, epoch: string, retained = false): Message => ({
  topic,
  ...(value.length && { value: unbox(value) }),
  offset,
  epoch,
  retained
})

/** A number of messages; 0 for what is none. */
export const toCount = (value: unknown): number => (isCount(value) ? value : 0)

/** Text; '' for what is none. */
export const toText = (value: unknown): string => (typeof value === 'string' ? value : '')

const isCode = (code: unknown): code is ErrorCode => toText(code).startsWith('ERR_')

/** The error that a packet tells. */
export const toError = (code: unknown, hint: unknown): AnywireError | undefined =>
  isCode(code) ? new AnywireError([code, 0, toText(hint)]) : undefined
