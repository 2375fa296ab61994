import { Emitter } from '../../lib/emitter.ts'
import { AnywireError } from '../../lib/errors.ts'
import { covers } from '../../lib/patterns.ts'
import type { ClientPlugin } from '../../lib/plugin.ts'
import type { History, Message, Ongoing } from './message.ts'
import type { OngoingOptions, PublishOptions, PubSub, PubSubClientOptions, PubSubEvents } from './pubsub.ts'
import { makeRequests } from './requests.ts'
import type { Fate, Request } from './requests.ts'
import {
  box,
  DONE,
  FAILED,
  HISTORY,
  isMessage,
  LISTEN,
  MISSED,
  PUBLISH,
  RECOVERED,
  START,
  SUBSCRIBE,
  toCount,
  toError,
  toMessage,
  toText
} from './wire.ts'

/** So many offsets are remembered, to notice gaps. */
const MOST_TOPICS = 10_000

const nothing = (): void => {}

/** Publish and subscribe. The other half is the server's. */
export const pubsub = ({ queue = 10_000 }: PubSubClientOptions = {}) =>
  ({
    name: 'pubsub',
    version: 1,
    client(client, lane): PubSub {
      const events = new Emitter<PubSubEvents>()
      /** The epoch and the sequence of the last message. */
      const place: [epoch: string, sequence: number] = ['', 0]
      const requests = makeRequests(client, lane, queue, place)
      const subscriptions = new Map<string, Set<Request>>()
      /** The names with wildcards among them. */
      const wild = new Set<string>()
      const offsets = new Map<string, number>()
      /** Tells what this client publishes from what others do, in all its sessions. */
      const me = Math.random().toString(36)
      let keys = 0

      /** What the application's functions throw, or reject with, is reported. */
      const call = (run: () => unknown): void => {
        new Promise(resolve => resolve(run())).catch(error => events.failed(error, 'pubsub'))
      }

      const end = (request: Request, error?: AnywireError): boolean => {
        const { name } = request
        const others = subscriptions.get(name)
        // Gaps are not told between two subscriptions.
        if (others?.delete(request)) offsets.clear()
        if (!others?.size) {
          subscriptions.delete(name)
          wild.delete(name)
        }
        return requests.end(request, error)
      }

      /** Asks, and resolves with what `done` makes of the answer. */
      const promise = <T>(
        kind: number,
        name: string,
        rest: unknown[],
        fate: Fate,
        done: (outcome: readonly unknown[]) => T,
        asked: (request: Request) => void = nothing
      ): Promise<T> => {
        const answer = new Promise<T>((resolve, failed) => {
          asked(requests.ask(kind, name, rest, { ...fate, failed, done: outcome => resolve(done(outcome)) }))
        })
        // Nobody has to wait for it.
        answer.catch(nothing)
        return answer
      }

      /** Asks for what goes on. */
      const begin = <T>(
        kind: number,
        name: string,
        rest: unknown[],
        fate: Fate,
        done: (outcome: readonly unknown[]) => T,
        { signal }: OngoingOptions = {}
      ): Ongoing<T> => {
        let unsubscribe = nothing
        const answer = promise(kind, name, rest, { ...fate, stays: true }, done, request => {
          if (kind === SUBSCRIBE) {
            subscriptions.set(name, (subscriptions.get(name) ?? new Set()).add(request))
            if (/[*>]/.test(name)) wild.add(name)
          }
          unsubscribe = () => {
            const over = !end(request) || client.state === 'closed' || (kind === SUBSCRIBE && subscriptions.has(name))
            // The kind behind its own ends it.
            if (!over) requests.ask(kind + 1, name, [request.id], {})
          }
        })
        if (signal?.aborted) unsubscribe()
        signal?.addEventListener('abort', () => unsubscribe())
        return Object.assign(answer, { unsubscribe })
      }

      /** The server ended it, or did not begin it. */
      const refuse = (request: Request, error: AnywireError | undefined): void => {
        end(request, error)
        if (request.stays) events.emit('unsubscribe', { topic: request.name, error })
      }

      lane.on('data', packet => {
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
          for (const name of new Set([topic, ...wild]))
            if (covers(name, topic))
              for (const { live, heard } of subscriptions.get(name) ?? []) if (live) heard?.(message)
        } else if (Array.isArray(packet)) {
          const list: readonly unknown[] = packet
          const [id, body, first, second] = list
          const topic = toText(body)
          const error = toError(first, second)
          const request = requests.get(id)
          if (id === 0) {
            for (const other of subscriptions.get(topic) ?? []) if (other.live) refuse(other, error)
          } else if (id === -1) events.emit('refuse', { topic, error })
          else if (!request) return
          else if (isMessage(body)) request.heard?.(toMessage(body, toText(first), !!second))
          else if (body === FAILED) refuse(request, error)
          else if (body === DONE) {
            request.live = !!request.stays
            request.done?.(list.slice(2))
            if (!request.stays) requests.end(request)
          } else request.serve?.(body, toText(first))
        }
      })
      client.on('open', ({ recovered }) => {
        if (!recovered) offsets.clear()
      })
      if (client instanceof Emitter) events.failed = (...failure) => client.failed(...failure)

      function publish(topic: string, value: unknown, options: PublishOptions & { readonly ack: true }): Promise<number>
      function publish(topic: string, ...value: [value?: unknown, options?: PublishOptions]): boolean
      function publish(
        topic: string,
        ...value: [value?: unknown, options?: PublishOptions]
      ): boolean | Promise<number> {
        const { ack, echo = true, key = ack ? me + keys++ : 0 } = value[1] ?? {}
        const rest = [echo ? 0 : me, key, ...box(value)]
        if (ack) {
          const count = promise(PUBLISH, topic, rest, {}, ([count]) => toCount(count))
          requests.tick()
          return count
        }
        if (client.state === 'open') {
          // What was asked for before goes before.
          requests.tick()
          return lane.write([[PUBLISH, 0, topic, ...rest]])
        }
        const failed = (error: unknown): void => {
          if (error instanceof AnywireError) events.emit('refuse', { topic, error })
        }
        requests.ask(PUBLISH, topic, rest, { failed })
        return true
      }

      return Object.assign(events, {
        publish,
        subscribe(topic, handler, options) {
          const heard = (message: Message): void => {
            offsets.set(message.topic, message.offset)
            call(() => handler(message.value, message))
          }
          return begin(
            SUBSCRIBE,
            topic,
            [0, 0, me],
            { heard },
            ([state, epoch, sequence]) => {
              const outcome = { recovered: state === RECOVERED, missed: state === MISSED }
              place[0] = toText(epoch)
              place[1] = toCount(sequence)
              events.emit('subscribe', { topic, ...outcome })
              return outcome
            },
            options
          )
        },
        listen(pattern, provider, options) {
          const served = new Map<string, AbortController>()
          const stop = (): void => {
            for (const controller of served.values()) controller.abort()
            served.clear()
          }
          const serve = (kind: unknown, name: string): void => {
            const controller = new AbortController()
            served.get(name)?.abort()
            served.delete(name)
            if (kind !== START) return
            served.set(name, controller)
            call(() => provider(name, controller.signal))
          }
          return begin(LISTEN, pattern, [], { serve, stop }, nothing, options)
        },
        history(topic, { since, limit = 100, reverse = false } = {}) {
          const messages: Message[] = []
          return promise(
            HISTORY,
            topic,
            [since?.epoch ?? '', since?.offset ?? -1, limit, reverse],
            { heard: message => void messages.push(message) },
            ([epoch, complete]): History => ({ epoch: toText(epoch), messages, complete: !!complete })
          )
        }
      } satisfies Pick<PubSub, 'publish' | 'subscribe' | 'listen' | 'history'>)
    }
  }) as const satisfies ClientPlugin

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
