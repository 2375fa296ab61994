import type { Connection } from '../../lib/connection.ts'
import { AnywireError, textOf } from '../../lib/errors.ts'
import { ERR_CANCELLED, ERR_CLOSED, ERR_HANDLER, ERR_NO_METHOD } from '../../lib/failures.ts'
import type { Lane } from '../../lib/lane.ts'
import { makeRequests, packetsOf } from '../../lib/requests.ts'
import type { Request, Requests } from '../../lib/requests.ts'
import { stageOf } from './answering.ts'
import type { Answering, Running } from './answering.ts'
import { pack, unpack } from './bytes.ts'
import { because, RpcError } from './error.ts'
import type { Route } from './router.ts'
import { isAsked } from './wire.ts'
import type { AnswerPacket, Asked } from './wire.ts'

/** How many answers go together: what is too large for one message is made again, answer by answer. */
const ANSWERS = 32

/** A call that was made and is not over. */
export interface Pending extends Request {
  readonly key?: string | undefined
}

/** Has a route answer; without one, tells that there is none. */
export type Answer<P> = (packet: Asked, route: Route<P> | undefined) => void

/** One end of a connection, as the two halves of the plugin differ. */
export interface End<P extends Connection, R extends Running<P> = Running<P>> {
  readonly connection: P
  /** In whose sessions calls are made. Default: the connection. */
  readonly host?: Pick<Connection, 'id' | 'state' | 'on'> & Partial<Pick<Connection, 'before'>>
  readonly lane: Lane
  /** Sets the calls of the two ends apart in their ids: 1 on a client, -1 on a server. */
  readonly sign: number
  /** Milliseconds until a call that this end makes must be answered; for a stream, begin. Infinity: no end. Default 30,000. */
  readonly timeout?: number | undefined
  /** It is about to leave: tells that from this number on no call runs, and may be made in the next session. Default: calls fail. */
  leave?(from: number): void
  /** Whether the other end may say so much in one message. Default: it may. */
  takes?(packets: number): boolean
  /** A call of the other end, to be answered. */
  run(at: Answering<P>, packet: Asked): R
  /** What answers a call. */
  find(packet: Asked): Route<P> | undefined
  /** A handler takes its time; `later` resolves when it is done. */
  began?(run: R, later: Promise<void>, packet: Asked): void
  /** The other end says something that is no call, and of no handler at work. */
  other?(packet: Asked, answer: Answer<P>): void
}

/** The calls between the two ends of a connection, both ways. */
export type Exchange = readonly [
  requests: Requests,
  /** What the two ends know a call by. */
  idOf: (call: Pick<Pending, 'key' | 'number'>) => string,
  /** Milliseconds until a call that this end makes must be answered. */
  timeout: number,
  /** Reports that a call of a name failed that nobody waits for. */
  untold: (name: string, error: Error) => void
]

export const makeExchange = <P extends Connection, R extends Running<P>>(end: End<P, R>): Exchange => {
  const { connection, host = connection, lane, timeout = 30_000 } = end
  /** The calls of the other end whose handlers are at work, by number. */
  const runs = new Map<number, R>()
  /** Answers that leave together, at the end of what was heard, or of the turn; and what was called. */
  const answers: (readonly [packet: AnswerPacket, name: string])[] = []
  /** The connection is about to end: no calls are taken any more. The greatest number of those that were. */
  let leaving = false
  let taken = 0

  const idOf = ({ key, number }: Pick<Pending, 'key' | 'number'>, session = host.id): string =>
    key ?? (number ? `${session}:${number * end.sign}` : '')

  const write = (packet: unknown): boolean => {
    try {
      return lane.write(packet)
    } catch (error) {
      if (!(error instanceof AnywireError) || error.code !== 'ERR_ENCODE') throw error
      return lane.write(pack(packet))
    }
  }

  const tell = (all: typeof answers): void => {
    const packets = all.map(([packet]) => packet)
    const [first] = all
    try {
      write(packets[1] ? packets : packets[0])
    } catch (error) {
      // Perhaps it is too much for one message. What cannot be told at all is the handler's fault.
      if (packets[1]) for (const answer of all) tell([answer])
      else if (first && first[0][1] !== ERR_HANDLER[0]) {
        const [[number], name] = first
        lane.failed(error, stageOf(name))
        tell([[[number, ERR_HANDLER[0], ERR_HANDLER[2]], name]])
      }
    }
  }

  const flush = (): void => {
    while (answers.length) tell(answers.splice(0, ANSWERS))
    look()
  }

  const answering: Answering<P> = {
    connection,
    lane,
    runs,
    idOf,
    answer(...answer) {
      if (answers.push(answer) === 1) queueMicrotask(flush)
    },
    write(packet) {
      flush()
      return write(packet)
    }
  }

  const answer: Answer<P> = (packet, route) => {
    const run = end.run(answering, packet)
    if (!route) return run.threw(because(ERR_NO_METHOD, `${packet[1]}`))
    runs.set(packet[0], run)
    const later = run.start(route)
    if (later) end.began?.(run, later, packet)
  }

  const requests = makeRequests(
    host,
    { write },
    packet => {
      if (!isAsked(packet)) return
      const [number, what] = packet
      const run = runs.get(number)
      if (!leaving) taken = Math.max(taken, number)
      if (!run) {
        if (typeof what === 'string') {
          if (leaving && end.leave) end.leave(number)
          else if (leaving) write([-number, ERR_CLOSED[0], ERR_CLOSED[2]])
          else answer(packet, end.find(packet))
        } else end.other?.(packet, answer)
      } else if (what === undefined) run.abort(ERR_CANCELLED)
      else run.more(what)
    },
    (code, text, cause, request, session, data) =>
      new RpcError(code, textOf(text), data, idOf(request, session), cause),
    () => {
      answers.length = 0
      leaving = false
      taken = 0
      for (const run of runs.values()) run.over()
    },
    () => {
      // Also those that are on their way, and cross the goodbye.
      if (!leaving) end.leave?.(taken + 1)
      leaving = true
      return [...runs.values()].some(run => !run.streams)
    },
    !!end.leave
  )

  const [, , , hear, , , , , look] = requests
  lane.on('data', value => {
    const packets = packetsOf(Array.isArray(value) ? value : unpack(value))
    if (end.takes?.(packets.length) === false) return
    hear(packets)
    flush()
  })
  host.on('drain', () => {
    for (const run of runs.values()) run.more()
  })
  return [requests, idOf, timeout, (name, error) => lane.failed(error, stageOf(name))]
}
