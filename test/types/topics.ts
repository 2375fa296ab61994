/*
 * What is published and subscribed to, where topics have types. Checked by `npm run types`. Nothing here runs.
 */
import { connect, createServer } from '../../index.ts'
import { pubsub as inBrowsers } from '../../plugins/pubsub/client.ts'
import type { Handler, Ongoing, Outcome, Pattern, PubSub, Topic, ValueOf } from '../../plugins/pubsub/client.ts'
import { pubsub } from '../../plugins/pubsub/index.ts'
import type { ValueOf as SameValueOf } from '../../plugins/pubsub/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <T extends true>(): T | undefined => undefined

interface Message {
  readonly text: string
}

interface Topics {
  'room.*': Message
  'room.*.typing': boolean
  'room.lobby': 'open' | 'closed'
  'ticker.>': number
  'ticker.*.name': string
  status: Date
}

declare const room: string
declare const day: `room.${string}`

const server = createServer({ port: 0, plugins: [pubsub<Topics>({ topics: { 'ticker.>': { retain: true } } })] })
const { pubsub: ofClient } = connect('http://x', { plugins: [inBrowsers<typeof server>()] })
const { pubsub: ofMap } = connect('http://x', { plugins: [pubsub<Topics>()] })
is<Equal<typeof ofClient, typeof ofMap>>()

// The most specific pattern counts.
void ofClient.subscribe('room.1', (value, message) => {
  is<Equal<typeof value, Message>>()
  is<Equal<typeof message.value, Message>>()
})
void ofClient.subscribe('room.lobby', value => is<Equal<typeof value, 'open' | 'closed'>>())
void ofClient.subscribe('room.1.typing', value => is<Equal<typeof value, boolean>>())
void ofClient.subscribe('ticker.a', value => is<Equal<typeof value, number>>())
void ofClient.subscribe('ticker.a.b', value => is<Equal<typeof value, number>>())
void ofClient.subscribe('ticker.a.name', value => is<Equal<typeof value, string>>())

// Of a pattern it is what all of them have that it stands for, and so it is of a topic that is known in part.
void ofClient.subscribe(`room.${room}`, value => is<Equal<typeof value, Message | 'open' | 'closed'>>())
void ofClient.subscribe(day, value => is<Equal<typeof value, Message | 'open' | 'closed'>>())
void ofClient.subscribe('room.*', value => is<Equal<typeof value, Message | 'open' | 'closed'>>())
void ofClient.subscribe('room.>', value => is<Equal<typeof value, Message | boolean | 'open' | 'closed'>>())
void ofClient.subscribe('ticker.*', value => is<Equal<typeof value, number>>())
void ofClient.subscribe('ticker.>', value => is<Equal<typeof value, number | string>>())
void ofClient.subscribe('*', value => is<Equal<typeof value, Date>>())
void ofClient.subscribe('>', value => is<Equal<typeof value, Topics[keyof Topics]>>())

const written = ofClient.publish('room.1', { text: 'hello' })
is<Equal<typeof written, boolean>>()
const counted = ofClient.publish('ticker.a', 1, { ack: true })
is<Equal<typeof counted, Promise<number>>>()
ofClient.publish('status')
// @ts-expect-error: another value
void ofClient.publish('room.1', { text: 1 })
// @ts-expect-error: another value
void ofClient.publish('ticker.a', 'x', { ack: true })
// @ts-expect-error: no such topic
void ofClient.publish('rooms.1', { text: 'hello' })
// @ts-expect-error: no such topic
void ofClient.subscribe('room', () => {})
// @ts-expect-error: no such topic
void ofClient.subscribe('news.*', () => {})
// @ts-expect-error: which topic it is nobody knows
void ofClient.publish(room, { text: 'hello' })
const looked = ofClient.history('room.1').then(({ messages }) => messages.map(({ value }) => value))
is<Equal<Awaited<typeof looked>, Message[]>>()
// @ts-expect-error: no such topic
void ofClient.history('rooms.1')

server.pubsub.subscribe('room.1', (value, message) => {
  is<Equal<typeof value, Message>>()
  is<Equal<typeof message.value, Message>>()
  is<Equal<typeof message.topic, string>>()
})
server.pubsub.publish('room.1', { text: 'hello' }, { reliable: false })
// @ts-expect-error: another value
server.pubsub.publish('room.1', 1)
// @ts-expect-error: no such topic
server.pubsub.publish('rooms.1', 1)
const retained = server.pubsub.retained('ticker.a')
is<Equal<NonNullable<typeof retained>['value'], number>>()
const first = server.pubsub.history('status').messages[0]
is<Equal<NonNullable<typeof first>['value'], Date>>()

// What is built on it names the same types, for its own topics or for any.
export const latest = <const N extends string>(
  topic: Pattern<Topics, N>,
  handler: Handler<ValueOf<Topics, N>>
): Ongoing<Outcome> => ofClient.subscribe(topic, handler)
export const say = <const N extends string>(topic: Topic<Topics, N>, value: SameValueOf<Topics, N>): boolean =>
  ofClient.publish(topic, value)
export const sayTo = <T, const N extends string>(
  to: PubSub<T>,
  topic: Topic<T, N>,
  value: ValueOf<T, N>
): Promise<number> => to.publish(topic, value, { ack: true })
export const valuesOf = async <const N extends string>(topic: Topic<Topics, N>): Promise<ValueOf<Topics, N>[]> =>
  (await ofClient.history(topic)).messages.map(({ value }) => value)
void latest('room.*.typing', value => is<Equal<typeof value, boolean>>())
say('ticker.a', 1)
// @ts-expect-error: another value
say('ticker.a', 'x')
// @ts-expect-error: no such topic
say('rooms.1', 1)
void sayTo(ofClient, 'room.1', { text: 'hello' })
const values = valuesOf('ticker.a.name')
is<Equal<Awaited<typeof values>, string[]>>()

// Where all may be published, what is not said is unknown.
const { pubsub: open } = connect('http://x', { plugins: [inBrowsers<{ '>': unknown; 'a.*': number }>()] })
void open.subscribe('a.b', value => is<Equal<typeof value, number>>())
void open.subscribe(room, value => is<Equal<typeof value, unknown>>())
open.publish('b', 'anything')

// A server without types, and none at all.
const untyped = createServer({ port: 0, plugins: [pubsub()] })
const { pubsub: loose } = connect('http://x', { plugins: [inBrowsers<typeof untyped>()] })
void loose.subscribe(room, value => is<Equal<typeof value, unknown>>())
loose.publish('anything', 1)
