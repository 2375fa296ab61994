import { Emitter } from '../../lib/emitter.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_CLOSED, ERR_LIMIT } from '../../lib/failures.ts'
import { isCount } from '../../lib/handshake.ts'
import { covers } from '../../lib/patterns.ts'
import type { ClientPlugin } from '../../lib/plugin.ts'
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
  MISSED,
  PUBLISH,
  RECOVERED,
  START,
  SUBSCRIBE,
  toMessage,
  toText
} from './wire.ts'

/** So many offsets are remembered, to notice gaps. */
const MOST_TOPICS = 10_000

/** A subscription that the server has. */
interface Subscription {
  readonly name: string
  readonly hear: (message: Message) => void
}

const toCount = (value: unknown): number => (isCount(value) ? value : 0)

/** Publish and subscribe. The other half is the server's. */
export const pubsub = ({ queue = 10_000 }: PubSubClientOptions = {}) =>
  ({
    name: 'pubsub',
    version: 1,
    client(client, lane): PubSub {
      const events = new Emitter<PubSubEvents>()
      /** By topic; those of patterns by ''. */
      const subscriptions = new Map<string, Set<Subscription>>()
      /** The epoch and the sequence of the last message: where subscriptions go on from in a new session. */
      let place: [epoch: string, sequence: number] = ['', 0]
      const offsets = new Map<string, number>()
      /** Tells what this client publishes from what others do, in all its sessions. */
      const me = Math.random().toString(36)
      let keys = 0

      events.failed = (error, event) => lane.failed(error, event)
      /** What the application's functions throw, or reject with, is reported. */
      const call = (run: () => unknown): void => {
        new Promise(resolve => resolve(run())).catch(error => lane.failed(error, 'pubsub'))
      }

      /** Asks for something, which may be ended. */
      const ask = <T>(request: Request<T>, { signal }: OngoingOptions = {}): Ongoing<T> => {
        const answer = requests.ask(request)
        // Nobody has to wait for it.
        answer.catch(() => {})
        const unsubscribe = (): void => void requests.end(request)
        if (signal?.aborted) unsubscribe()
        signal?.addEventListener('abort', unsubscribe)
        return Object.assign(answer, { unsubscribe })
      }

      /** What the other end ends goes on no more. */
      const failed = (topic: string) => (error: Error, told: boolean) => {
        if (told) events.emit('unsubscribe', { topic, error: reason(error) })
      }

      const requests = makeRequests(client, lane, packet => {
        if (isMessage(packet)) {
          const [topic, sequence, offset] = packet
          const message = toMessage(packet, place[0])
          if (sequence) {
            const from = (offsets.get(topic) ?? offset) + 1
            if (offsets.size > MOST_TOPICS) offsets.clear()
            offsets.set(topic, offset)
            place[1] = sequence
            if (from < offset) events.emit('gap', { topic, from, to: offset - 1 })
          }
          events.emit('message', message)
          for (const key of [topic, '']) {
            for (const { name, hear } of subscriptions.get(key) ?? []) if (covers(name, topic)) hear(message)
          }
        } else {
          const [number, topic, code, text] = packet
          if (number === 0) events.emit('refuse', { topic: toText(topic), error: errorOf(toText(code), text) })
        }
      })
      lane.on('data', value => requests.heard(packetsOf(value)))

      /** What waits for a wire is as it was when it was published. */
      const keep = (packet: readonly unknown[]): readonly unknown[] => {
        const { parser, state } = client
        if (state === 'closed') throw new AnywireError(ERR_CLOSED)
        if (requests.waiting.size >= queue) throw new AnywireError(ERR_LIMIT)
        const kept: unknown = parser.decode(parser.encode(packet))
        return Array.isArray(kept) ? kept : packet
      }

      function publish(topic: string, value: unknown, options: PublishOptions & { readonly ack: true }): Promise<number>
      function publish(topic: string, ...value: [value?: unknown, options?: PublishOptions]): boolean
      function publish(
        topic: string,
        ...value: [value?: unknown, options?: PublishOptions]
      ): boolean | Promise<number> {
        const { ack, echo = true, key = ack ? me + keys++ : 0 } = value[1] ?? {}
        const open = client.state === 'open'
        let packet: readonly unknown[] = [PUBLISH, topic, echo ? 0 : me, key, ...box(value)]
        try {
          if (!open) packet = keep(packet)
        } catch (error) {
          if (ack) return Promise.reject(error)
          throw error
        }
        if (ack) {
          const count = ask({ packet, again: true, done: toCount })
          requests.tick()
          return count
        }
        if (!open) {
          requests.ask({ packet }).catch((error: Error) => events.emit('refuse', { topic, error: reason(error) }))
          return true
        }
        // What was asked for before goes before.
        requests.tick()
        return requests.tell({ packet }, ...packet)
      }

      return Object.assign(events, {
        publish,
        subscribe(topic, handler, options) {
          const key = /[*>]/.test(topic) ? '' : topic
          const hear = (message: Message): void => {
            offsets.set(message.topic, message.offset)
            call(() => handler(message.value, message))
          }
          const subscription = { name: topic, hear }
          const request: Request<Outcome> = {
            packet: [SUBSCRIBE, topic, me],
            again: true,
            stays: true,
            heard(_passed, packet, epoch, retained) {
              if (isMessage(packet)) hear(toMessage(packet, toText(epoch), !!retained))
            },
            done(state, epoch, sequence) {
              const outcome = { recovered: state === RECOVERED, missed: state === MISSED }
              place = [toText(epoch), toCount(sequence)]
              subscriptions.set(key, (subscriptions.get(key) ?? new Set()).add(subscription))
              events.emit('subscribe', { topic, ...outcome })
              return outcome
            },
            failed: failed(topic),
            lost() {
              const others = subscriptions.get(key)
              if (others?.delete(subscription)) request.packet = [SUBSCRIBE, topic, me, ...place]
              if (!others?.size) subscriptions.delete(key)
              // Gaps are not told between two subscriptions.
              offsets.clear()
            }
          }
          return ask(request, options)
        },
        listen(pattern, provider, options) {
          const serving = makeServing(provider, call)
          const request: Request<void> = {
            packet: [LISTEN, pattern],
            again: true,
            stays: true,
            heard: (kind, name) => (kind === START ? serving.start(toText(name)) : serving.stop(toText(name))),
            done: () => {},
            failed: failed(pattern),
            lost: () => serving.stopAll()
          }
          return ask(request, options)
        },
        history(topic, { since, limit = 100, reverse = false } = {}) {
          let messages: Message[] = []
          return requests.ask<History>({
            packet: [HISTORY, topic, since?.epoch ?? '', since?.offset ?? -1, limit, reverse],
            again: true,
            heard(_passed, packet, epoch) {
              if (isMessage(packet)) messages.push(toMessage(packet, toText(epoch)))
            },
            done: (epoch, complete) => ({ epoch: toText(epoch), messages, complete: !!complete }),
            lost: () => void (messages = [])
          })
        }
      } satisfies Pick<PubSub, 'publish' | 'subscribe' | 'listen' | 'history'>)
    }
  }) as const satisfies ClientPlugin

/** Why the server does not go on; undefined: its application said so. */
const reason = (error: Error): AnywireError | undefined =>
  error instanceof AnywireError && error.code ? error : undefined

export type {
  Handler,
  History,
  HistoryOptions,
  Message,
  Ongoing,
  Outcome,
  Position,
  Provider,
  Refusal
} from './message.ts'
export type { OngoingOptions, PublishOptions, PubSub, PubSubClientOptions, PubSubEvents } from './pubsub.ts'
