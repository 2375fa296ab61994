import { answer } from './answer.ts'
import type { Connection, End } from './connection.ts'
import { AnywireError, textOf } from './errors.ts'
import type { ErrorCode, Failure } from './errors.ts'
import { ERR_CANCELLED, ERR_CLOSED, ERR_OUTCOME_UNKNOWN } from './failures.ts'
import type { Lane } from './lane.ts'

/*
 * Asking the other end of a lane for something, and being answered by number. Packets go alone or in lists. To the other end:
 *
 *     [number, ...packet]      what is asked for: numbers are above 0, and grow; 0 where no answer is wanted
 *     [number, ...word]        something more about what was asked for
 *     [number]                 it is not wanted any more
 *
 * and back:
 *
 *     [-number, 0, ...values]  it is done
 *     [-number, code, text, …] it is not done, or not any more
 *     [-number, LATER]         this end is about to say goodbye: neither it nor what has a greater number is done, also what was not
 *                              sent yet, and may be asked for in the next session
 *     [-number, …]             anything else, before it is done or behind that
 */
export const LATER = -1

/** Milliseconds for which the end of a connection waits for answers. */
const PATIENCE = 30_000

/** How many packets a list may have. */
const MOST_PACKETS = 1_000

/** So much of an answer is looked at: a call takes only some ten thousands of arguments, and whoever asks so few. */
const LONGEST = 9

/** The packets in what arrived, which may be anything: those that a list may have, or one alone. */
export const packetsOf = (value: unknown): readonly (readonly unknown[])[] => {
  if (!Array.isArray(value)) return []
  return Array.isArray(value[0]) ? value.slice(0, MOST_PACKETS).filter(packet => Array.isArray(packet)) : [value]
}

/** Something that is asked for. */
export interface Request<T = unknown> {
  /** It goes behind the number, as it is when it is sent. */
  packet: readonly unknown[]
  /** Whether it is asked again in a new session; otherwise it fails with ERR_OUTCOME_UNKNOWN. */
  readonly again?: boolean
  /** It goes on when it is done, and in later sessions too, until it is ended. */
  stays?: boolean
  /** It is done; once in each session, where it stays. A request without this wants no answer. */
  done?(...values: readonly unknown[]): T
  /** Anything else that the other end says of it. */
  heard?(...values: readonly unknown[]): void
  /**
   * It is over without having been done, or it does not go on.
   * @param told - whether the other end said so
   */
  failed?(this: void, error: Error, told: boolean): void
  /** Nobody has to wait for its promise. Called with what it rejects with where nobody does, but for ERR_CLOSED and ERR_CANCELLED. */
  untold?(this: void, error: Error): void
  /** The session that it was asked for in is over, or it is over itself. */
  lost?(): void
  /** By which it is known in this session; 0 or undefined: it was not sent. */
  number?: number
  /** It was done once. */
  known?: boolean
  /** Settle its promise. */
  resolve?(value: T): void
  reject?(error: Error): void
}

/** What one end asks for: those together that are asked for in one turn, and again in the next session. */
export type Requests = readonly [
  /**
   * Asks, together with what else is asked for in this turn.
   * @returns what `done` returns, the first time; rejects when it fails before
   */
  ask: <T>(request: Request<T>) => Promise<T>,
  /** Ends a request: has it fail, by default with ERR_CANCELLED, and tells the other end. Returns whether it was not over before. */
  end: (request: Request, error?: Error) => boolean,
  /** Says something more of a request that was sent. Returns and throws what `write` does. */
  tell: (request: Request, ...word: readonly unknown[]) => boolean,
  /** To be called with the packets that arrive. */
  hear: (packets: readonly (readonly unknown[])[]) => void,
  /** Sends what waits. */
  flush: () => void,
  /** Has a request fail. Returns whether it was not over before. */
  fail: (request: Request, error?: Error, told?: boolean) => boolean,
  /** Those that were not sent; and those that were, in this session, and are not over, by number. */
  waiting: ReadonlySet<Request>,
  sent: ReadonlyMap<number | undefined, Request>,
  /** To be called when something else that the end of the connection waits for may be done. */
  look: () => void
]

/** Whoever ended it knows. */
const isOwn = (error: Error): boolean =>
  'code' in error && (error.code === ERR_CLOSED[0] || error.code === ERR_CANCELLED[0])

/** What the other end refuses with, as an error. */
export const errorOf = (code: string, text: unknown, cause?: unknown): AnywireError =>
  // Another version of it may have codes of its own.
  new AnywireError([code as ErrorCode, 0, textOf(text)], '', cause)

/**
 * @param lane - or what writes to one
 * @param other - called with each packet that arrives and is no answer
 * @param toError - makes the error with which a request of a session fails. Default: an AnywireError
 * @param over - called when a session is over, behind what becomes of the requests
 * @param finish - called before the end, and at each look: whether it has to wait for something else than answers
 * @param leaves - this is the end that says LATER; of the other one it means nothing. Default: it is the other way round
 */
export const makeRequests = (
  host: Pick<Connection, 'id' | 'state' | 'on'> & Partial<Pick<Connection, 'before'>>,
  lane: Pick<Lane, 'write'>,
  other: (packet: readonly unknown[]) => unknown,
  toError: (
    code: string,
    text: unknown,
    cause: End | undefined,
    request: Request,
    session: string,
    data?: unknown
  ) => Error = errorOf,
  over?: () => void,
  finish?: () => boolean,
  leaves = false
): Requests => {
  const sent = new Map<number | undefined, Request>()
  const waiting = new Set<Request>()
  let session = host.id
  /** How the last one ended, as far as that was told. */
  let ended: End | undefined
  /** The one in which the other end takes nothing more. */
  let held: string | undefined
  /** What was sent in it and may still be done, the last one last; and what is not done in it, the last one first. */
  let staying: Request[] = []
  let moved: Request[] = []
  let last = 0
  let ticking = false
  /** Looks whether the end has still to wait. */
  let look = (): void => {}

  const fail = (request: Request, error: Error = new AnywireError(ERR_CANCELLED), told = false): boolean => {
    const found = sent.delete(request.number) || waiting.delete(request)
    if (found) {
      request.lost?.()
      request.reject?.(error)
      request.failed?.(error, told)
      look()
    }
    return found
  }

  /** Nobody will answer any more. */
  const lose = (request: Request, [code, , text]: Failure): boolean =>
    fail(request, toError(code, ended?.reason ? `${text}: ${ended.reason}` : text, ended, request, session))

  const send = (asked: readonly Request[]): void => {
    // What one of them came to may have ended others.
    const requests = asked.filter(request => waiting.delete(request))
    const packets = requests.map(request => {
      request.number = request.done ? ++last : 0
      if (request.number) sent.set(last, request)
      return [request.number, ...request.packet]
    })
    const [first, ...more] = packets
    try {
      if (first) lane.write(more.length ? packets : first)
    } catch (error) {
      // Perhaps it is too much for one message, or one of them cannot be encoded.
      for (const request of requests) {
        sent.delete(request.number)
        waiting.add(request)
      }
      for (const request of requests) {
        if (more.length) send([request])
        else fail(request, error as Error)
      }
    }
  }

  const flush = (): void => {
    const all = [...waiting]
    ticking = false
    while (all.length && host.state === 'open' && host.id === session && held !== session)
      send(all.splice(0, MOST_PACKETS))
    // Those that want no answer are over.
    look()
  }

  const tell = ({ number = 0 }: Request, ...word: readonly unknown[]): boolean => lane.write([number, ...word])

  /** Nothing from this number on is done in this session. Each request moves once, however often that is said. */
  const later = (from: number): void => {
    if (held !== session) staying = [...sent.values()]
    held = session
    while ((staying.at(-1)?.number ?? 0) >= from) {
      const request = staying.pop()
      if (!request || !sent.delete(request.number)) continue
      moved.push(request)
      waiting.add(request)
      request.number = 0
    }
  }

  /** The session is over. */
  const leave = (end?: End): void => {
    const { id, state } = host
    // What was asked for earlier goes first.
    const all = new Set([...sent.values(), ...moved.reverse().filter(request => waiting.has(request)), ...waiting])
    ended = end
    sent.clear()
    staying = []
    moved = []
    for (const request of all) {
      const { number, again, known } = request
      const isLost = number && !again
      waiting.delete(request)
      waiting.add(request)
      if (isLost || (state === 'closed' && !known)) lose(request, isLost ? ERR_OUTCOME_UNKNOWN : ERR_CLOSED)
      else request.lost?.()
      request.number = 0
    }
    session = id
    over?.()
    look()
  }

  host.on('open', () => {
    if (host.id !== session) leave()
    // What handlers of `open` ask for goes first.
    const before = [...waiting]
    queueMicrotask(() => {
      for (const request of before) if (waiting.delete(request)) waiting.add(request)
      flush()
    })
  })
  // It may be told when the next session goes on already.
  host.on('close', end => (host.state === 'closed' || host.id !== session) && leave(end))

  const ask = <T>(request: Request<T>): Promise<T> => {
    const { untold } = request
    const run = (resolve: (value: T) => void, reject: (error: Error) => void): void => {
      Object.assign(request, { resolve, reject })
      waiting.add(request)
      if (host.state === 'closed') lose(request, ERR_CLOSED)
      else if (!ticking) {
        ticking = true
        queueMicrotask(flush)
      }
    }
    return untold ? answer(run, error => isOwn(error) || untold(error)) : new Promise(run)
  }

  const end = (request: Request, error?: Error): boolean => {
    if (sent.has(request.number) && host.state !== 'closed') tell(request)
    return fail(request, error)
  }

  const hear = (packets: readonly (readonly unknown[])[]): void => {
    for (const packet of packets) {
      const [number, type, ...values] = packet.slice(0, LONGEST)
      const isAnswer = typeof number === 'number' && number < 0
      if (isAnswer && type === LATER && !leaves) later(-number)
      const request = isAnswer ? sent.get(-number) : void other(packet)
      if (!request) continue
      if (typeof type === 'string')
        fail(request, toError(type, values[0], undefined, request, session, values[1]), true)
      else if (type !== 0) request.heard?.(type, ...values)
      else {
        request.known = true
        if (!request.stays) sent.delete(request.number)
        request.resolve?.(request.done?.(...values))
      }
    }
    look()
  }

  host.before?.(
    () =>
      new Promise(resolve => {
        const timer = setTimeout(resolve, PATIENCE)
        look = () => {
          // Without a session there is nobody to answer.
          if (host.id && (finish?.() || [...waiting, ...sent.values()].some(({ known }) => !known))) return
          look = () => {}
          clearTimeout(timer)
          resolve()
        }
        look()
      })
  )
  return [ask, end, tell, hear, flush, fail, waiting, sent, () => look()]
}
