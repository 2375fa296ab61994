import type { Client } from '../../lib/client.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_CLOSED, ERR_LIMIT } from '../../lib/failures.ts'
import type { Lane } from '../../lib/lane.ts'
import { atEndOfTurn } from '../../lib/tick.ts'
import type { Message } from './message.ts'
import { MOST_ITEMS, PUBLISH } from './wire.ts'

/** What becomes of a request. */
export interface Fate {
  /** Goes on when it was answered, in later sessions too. */
  readonly stays?: boolean
  readonly heard?: (message: Message) => void
  /** Somebody is subscribed to a name, or nobody is any more. */
  readonly serve?: (kind: unknown, name: string) => void
  /** It goes on no more, or has to begin anew. */
  readonly stop?: () => void
  /** The answer; where there is none, nobody waits for it. */
  readonly done?: (outcome: readonly unknown[]) => void
  readonly failed?: (error: unknown) => void
}

/** What the server is asked for. */
export interface Request extends Fate {
  readonly id: number
  readonly kind: number
  readonly name: string
  /** What travels behind these. */
  readonly rest: unknown[]
  /** The server does it. */
  live: boolean
}

/** The requests of a client: sent together at the end of a turn, and again in the next session. */
export interface Requests {
  get(id: unknown): Request | undefined
  /** @throws ERR_CLOSED; ERR_LIMIT when too many messages wait; ERR_ENCODE without a wire */
  ask(kind: number, name: string, rest: unknown[], fate: Fate): Request
  /** Sends what was not sent yet. */
  tick(): void
  /** Returns whether it was not over yet. */
  end(request: Request, error?: unknown): boolean
}

/** @param place - how far the client has got: where its subscriptions go on from in a new session */
export const makeRequests = (client: Client, lane: Lane, queue: number, place: readonly unknown[]): Requests => {
  /** In the order in which they were made, and are made again. */
  const all = new Map<unknown, Request>()
  let unsent: Request[] = []
  let ticking = false
  let last = 0
  let session = ''

  const end = (request: Request, error: unknown = new AnywireError(ERR_CLOSED)): boolean => {
    const ended = all.delete(request.id)
    if (ended) {
      request.stop?.()
      request.failed?.(error)
    }
    return ended
  }

  const send = (list: readonly Request[]): void => {
    const [first] = list
    if (!first) return
    try {
      if (list.length > MOST_ITEMS) throw new AnywireError(ERR_LIMIT)
      lane.write(list.map(({ kind, id, name, rest, done }) => [kind, done ? id : 0, name, ...rest]))
      for (const { id, done } of list) if (!done) all.delete(id)
    } catch (error) {
      // Perhaps it is too much for one message.
      const half = list.length >> 1
      if (half) {
        send(list.slice(0, half))
        send(list.slice(half))
      } else end(first, error)
    }
  }

  const tick = (): void => {
    ticking = false
    if (client.state !== 'open') return
    if (client.id !== session) {
      // A new session knows nothing.
      session = client.id
      unsent = [...all.values()]
      for (const request of unsent) {
        if (request.live) request.rest.splice(0, 2, ...place)
        request.live = false
      }
    }
    send(unsent.splice(0).filter(({ id }) => all.has(id)))
  }

  client.on('open', tick)
  client.on('close', ({ reconnect }) => {
    for (const request of all.values()) {
      request.stop?.()
      if (!reconnect && !request.live) end(request)
    }
  })
  return {
    get: id => all.get(id),
    ask(kind, name, rest, fate) {
      const { parser, state } = client
      if (state === 'closed') throw new AnywireError(ERR_CLOSED)
      if (kind === PUBLISH && unsent.length >= queue) throw new AnywireError(ERR_LIMIT)
      const id = ++last
      // What waits is as it was when it was asked for.
      const kept: unknown = state === 'open' ? rest : parser.decode(parser.encode(rest))
      const request = { ...fate, id, kind, name, rest: Array.isArray(kept) ? kept : rest, live: false }
      all.set(id, request)
      unsent.push(request)
      if (!ticking) atEndOfTurn({ tick })
      ticking = true
      return request
    },
    tick,
    end
  }
}
