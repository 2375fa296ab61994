import { Emitter } from '../../lib/emitter.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_CANCELLED, ERR_LIMIT, ERR_OPTION } from '../../lib/failures.ts'
import { covers, isTopic } from '../../lib/patterns.ts'
import type { Client } from '../../lib/client.ts'
import type { Lane } from '../../lib/lane.ts'
import type { During, PluginInfo } from '../../lib/plugin.ts'
import type { TopicsOf } from './topics.ts'
import { tellError } from '../../lib/report.ts'
import { errorOf, makeRequests, packetsOf } from '../../lib/requests.ts'
import type { Request } from '../../lib/requests.ts'
import type { History, Message, Ongoing, Outcome } from './message.ts'
import type { OngoingOptions, PublishOptions, PubSub, PubSubClientOptions, PubSubEvents } from './pubsub.ts'
import { makeServing } from './serving.ts'
import {
  box,
  HISTORY,
  isMessage,
  LISTEN,
  LOOSE,
  MISSED,
  PUBLISH,
  RECOVERED,
  RETAINED,
  SKIPPED,
  START,
  SUBSCRIBE,
  toMessage
} from './wire.ts'
import type { MessagePacket } from './wire.ts'

/** So many offsets are remembered, to notice gaps. */
const MOST_TOPICS = 10_000

const install = ({ queue = 10_000 }: PubSubClientOptions, client: Client, lane: Lane): object => {
  const events = new Emitter<PubSubEvents>()
  /** By topic; those of patterns by ''. */
  const subscriptions = new Map<string, Set<(message: Message) => void>>()
  /** The epoch and the sequence of the last message: where subscriptions go on from in a new session. */
  let place: [epoch: string, sequence: number] = ['', 0]
  const offsets = new Map<string, number>()
  /** Tells what this client publishes from what others do, in all its sessions. */
  const me = Math.random().toString(36)
  let keys = 0

  events.failed = (error, event) => lane.failed(error, event)
  /** What the application's functions throw, or reject with, is reported. */
  const call = (topic: string, run: () => unknown): void => {
    new Promise(resolve => resolve(run())).catch(error => lane.failed(error, `pubsub ${topic}`))
  }

  /** Asks for something, which may be ended. */
  const ask = <T>(asked: Request<T>, { signal }: OngoingOptions = {}): Ongoing<T> => {
    const { failed } = asked
    const cancel = (): void => void end(asked, new AnywireError(ERR_CANCELLED, '', signal?.reason))
    signal?.addEventListener('abort', cancel)
    asked.failed = (...failure) => {
      signal?.removeEventListener('abort', cancel)
      failed?.(...failure)
    }
    const answer = request(asked)
    if (signal?.aborted) cancel()
    return Object.assign(answer, { unsubscribe: cancel })
  }

  /** Nobody has to wait for it. */
  const untold = (error: Error): void => {
    if (!events.listenerCount('unsubscribe')) tellError(client, error as AnywireError)
  }

  /** What was published reached nobody, and nobody else hears of it. */
  const refusal = (topic: string) => (error: Error) => {
    if (!events.emit('refuse', { topic, error: error as AnywireError })) tellError(client, error as AnywireError)
  }

  /** What the other end ends goes on no more. */
  const failed = (topic: string) => (error: Error, told: boolean) => {
    const { code } = error as AnywireError
    if (told) events.emit('unsubscribe', { topic, error: code ? (error as AnywireError) : undefined })
  }

  /** A message is here, or passes by. */
  const note = ([topic, sequence, offset]: MessagePacket): void => {
    if (!sequence) return
    const from = (offsets.get(topic) ?? offset) + 1
    if (offsets.size > MOST_TOPICS) offsets.clear()
    offsets.set(topic, offset)
    place[1] = sequence
    if (from < offset) events.emit('gap', { topic, from, to: offset - 1 })
  }

  const [request, end, tell, hear, flush, , waiting] = makeRequests(client, lane, packet => {
    if (isMessage(packet)) {
      const [topic] = packet
      const message = toMessage(packet, place[0])
      note(packet)
      events.emit('message', message)
      for (const key of [topic, '']) subscriptions.get(key)?.forEach(deliver => deliver(message))
    } else if (packet[0] === 0) {
      const [, ...skipped] = packet
      if (isMessage(skipped)) return note(skipped)
      const [topic, code, text] = skipped
      if (typeof topic !== 'string') return undefined
      if (typeof code === 'string') refusal(topic)(errorOf(code, text))
      // Subscriptions of the server's application begin: it is an epoch.
      else if (!code) place[0] = topic
    }
  })
  lane.on('data', value => hear(packetsOf(value)))

  /** What waits for a wire is as it was when it was published. */
  const keep = (packet: readonly unknown[]): readonly unknown[] => {
    const { parser } = client
    if (waiting.size >= queue) throw new AnywireError(ERR_LIMIT)
    return parser.decode(parser.encode(packet)) as unknown[]
  }

  function publish(topic: string, value: unknown, options: PublishOptions & { readonly ack: true }): Promise<number>
  function publish(topic: string, ...value: [value?: unknown, options?: PublishOptions]): boolean
  function publish(topic: string, ...value: [value?: unknown, options?: PublishOptions]): boolean | Promise<number> {
    const { ack, echo = true, reliable = true, key = ack ? me + keys++ : 0 } = value[1] ?? {}
    const { state } = client
    const open = state === 'open'
    const rest = [topic, echo ? 0 : me, key, ...box(value)]
    const isLoose = !reliable && !ack
    let packet: readonly unknown[] = [PUBLISH, ...rest]
    try {
      if (!isTopic(topic)) throw new AnywireError(ERR_OPTION, `'${topic}' is no topic`)
      if (!open && !isLoose) packet = keep(packet)
    } catch (error) {
      if (ack) return Promise.reject(error)
      throw error
    }
    if (isLoose) {
      flush()
      return open && lane.write([0, LOOSE, ...rest], { reliable })
    }
    if (ack) {
      const count = ask({ packet, again: true, done: (count: number) => count, untold: refusal(topic) })
      flush()
      return count
    }
    if (!open) {
      request({ packet }).catch(refusal(topic))
      return state !== 'closed'
    }
    // What was asked for before goes before.
    flush()
    return tell({ packet }, ...packet)
  }

  return Object.assign(events, {
    publish,
    subscribe(topic, handler, options) {
      const key = /[*>]/.test(topic) ? '' : topic
      const deliver = (message: Message): void => {
        if (!covers(topic, message.topic)) return
        call(message.topic, () => handler(message.value, message))
      }
      /** What it catches up with, before it is told whether that is all. */
      const passed: (readonly [message: Message, kind: unknown])[] = []
      let isOver = false
      const asked: Request<Outcome> = {
        packet: [SUBSCRIBE, topic, me],
        again: true,
        stays: true,
        heard(_passed, packet, epoch: string, kind) {
          if (isMessage(packet)) passed.push([toMessage(packet, epoch, kind === RETAINED), kind])
        },
        done(state, epoch: string, sequence: number) {
          const outcome = { recovered: state === RECOVERED, missed: state === MISSED }
          place = [epoch, sequence]
          subscriptions.set(key, (subscriptions.get(key) ?? new Set()).add(deliver))
          for (const [message, kind] of passed.splice(0)) {
            const { topic, offset } = message
            if (outcome.missed && kind !== RETAINED) continue
            // One that may be lost has none.
            if (offset) offsets.set(topic, Math.max(offset, offsets.get(topic) ?? 0))
            // A handler may end it. Where it ends the session, all of this has arrived.
            if (kind !== SKIPPED && !isOver) deliver(message)
          }
          if (!isOver) events.emit('subscribe', { topic, ...outcome })
          return outcome
        },
        untold,
        failed(...failure) {
          isOver = true
          failed(topic)(...failure)
        },
        lost() {
          passed.length = 0
          const others = subscriptions.get(key)
          if (others?.delete(deliver)) asked.packet = [SUBSCRIBE, topic, me, ...place]
          if (!others?.size) subscriptions.delete(key)
          // Gaps are not told between two subscriptions.
          offsets.clear()
        }
      }
      return ask(asked, options)
    },
    listen(pattern, provider, options = {}) {
      const serving = makeServing(provider, options, call)
      const asked: Request<void> = {
        packet: [LISTEN, pattern],
        again: true,
        stays: true,
        heard: (kind, name: string) => (kind === START ? serving.start(name) : serving.stop(name)),
        done: () => {},
        untold,
        failed: failed(pattern),
        lost: () => serving.stopAll()
      }
      return ask(asked, options)
    },
    history(topic, { since, limit = 100, reverse = false } = {}) {
      let messages: Message[] = []
      return request<History>({
        packet: [HISTORY, topic, since?.epoch ?? '', since?.offset ?? -1, limit, reverse],
        again: true,
        heard(_passed, packet, epoch: string) {
          if (isMessage(packet)) messages.push(toMessage(packet, epoch))
        },
        done: (epoch: string, complete: boolean) => ({ epoch, messages, complete }),
        lost: () => void (messages = [])
      })
    }
  } satisfies Pick<PubSub, 'publish' | 'subscribe' | 'listen' | 'history'>)
}

/** The client half. */
export interface PubSubClientPlugin<T = unknown> extends PluginInfo {
  readonly name: 'pubsub'
  readonly version: 1
  client(client: Client, lane: Lane, during: During): PubSub<TopicsOf<T>>
}

/**
 * Publish and subscribe. The other half is the server's.
 * @example
 * connect(url, { plugins: [pubsub<typeof server>()] })
 * connect(url, { plugins: [pubsub<{ 'room.*': Message; 'ticker.>': number }>()] })
 */
export const pubsub = <T = unknown>(options: PubSubClientOptions = {}): PubSubClientPlugin<T> => ({
  name: 'pubsub',
  version: 1,
  // What others publish is a promise of whoever named the types.
  client: (client: Client, lane: Lane): PubSub<TopicsOf<T>> => install(options, client, lane) as PubSub<TopicsOf<T>>
})

export type * from './message.ts'
export type { OngoingOptions, PublishOptions, PubSub, PubSubClientOptions, PubSubEvents } from './pubsub.ts'
export type { Pattern, Topic, TopicsOf, Typed, ValueOf } from './topics.ts'
export type * from '../../lib/types.ts'
