import { checkEvents } from '../../lib/check-events.ts'
import type { EventNames } from '../../lib/checked-emitter.ts'
import { callRules, checkCall, checkValue, orNull, signal } from '../../lib/call-rules.ts'
import { callable, check, either, flag, object, text, whole } from '../../lib/option-rules.ts'
import { PEERS } from '../../lib/peer-list.ts'
import type { Handler, HistoryOptions, ListenOptions, Ongoing, Provider } from './message.ts'
import type { OngoingOptions, PublishOptions, PubSub, PubSubEvents } from './pubsub.ts'
import type { ServerPublishOptions } from './server.ts'

/*
 * What the types say of publish, subscribe, listen and history, for who writes JavaScript: on servers, and for clients in Node.
 */

const HISTORY = callRules<HistoryOptions>({ since: orNull(object), limit: either(Infinity, whole(0)), reverse: flag })
const SERVER_LISTEN = callRules<ListenOptions>({ patterns: flag })
const SERVER_PUBLISH = callRules<ServerPublishOptions>({
  except: PEERS,
  key: text,
  reliable: flag
})
const LISTEN = callRules<ListenOptions & OngoingOptions>({ patterns: flag, signal })
const PUBLISH = callRules<PublishOptions>({ ack: flag, echo: flag, key: text, reliable: flag })
const SUBSCRIBE = callRules<OngoingOptions>({ signal })

const EVENTS: EventNames<PubSubEvents> = { message: true, subscribe: true, unsubscribe: true, refuse: true, gap: true }

export const checkHandler = (whose: string, handler: unknown): void =>
  check(`the handler of '${whose}'`, handler, callable)

export const checkHistory = (options?: HistoryOptions): void => {
  if (options) checkCall('history', options, HISTORY)
}

export const checkListen = (provider: unknown, options?: ListenOptions, rules = SERVER_LISTEN): void => {
  checkHandler('listen', provider)
  if (options) checkCall('listen', options, rules)
}

export const checkPublish = (value: unknown, options?: object, rules = SERVER_PUBLISH): void => {
  checkValue(value)
  if (options) checkCall('publish', options, rules)
}

/** The client's half, without the types of an application. */
interface Untyped {
  publish(topic: string, ...value: [value?: unknown, options?: PublishOptions]): unknown
  subscribe(topic: string, handler: Handler, options?: OngoingOptions): Ongoing<unknown>
  listen(pattern: string, provider: Provider, options?: ListenOptions & OngoingOptions): Ongoing<void>
  history(topic: string, options?: HistoryOptions): Promise<unknown>
}

/** The client's half, looking at what it is called with: it throws, and rejects where an answer of the server is all that there is. */
export const checked = <T>(made: PubSub<T>): PubSub<T> => {
  const plain: Untyped = { ...(made as object as Untyped) }
  const checking: Untyped = {
    publish(topic, ...value) {
      const [, options] = value
      try {
        checkPublish(value[0], options, PUBLISH)
      } catch (error) {
        if (options?.ack) return Promise.reject(error)
        throw error
      }
      return plain.publish(topic, ...value)
    },
    subscribe(topic, handler, options) {
      checkHandler('subscribe', handler)
      if (options) checkCall('subscribe', options, SUBSCRIBE)
      return plain.subscribe(topic, handler, options)
    },
    listen(pattern, provider, options) {
      checkListen(provider, options, LISTEN)
      return plain.listen(pattern, provider, options)
    },
    async history(topic, options) {
      checkHistory(options)
      return plain.history(topic, options)
    }
  }
  return checkEvents(Object.assign(made, checking), EVENTS)
}
