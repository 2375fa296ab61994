import { checkSize } from './checks.ts'
import type { Keeper } from './client.ts'
import type { WriteOptions } from './connection.ts'
import { AnywireError, tell } from './errors.ts'
import { ERR_CLOSED, ERR_PROTOCOL, ERR_SLOW, ERR_TIMEOUT, ERR_VALUE } from './failures.ts'
import { ACK, CLOSE, COUNT, frame, headOf, LANE, LOOSE, payloadOf, PING, PONG } from './frames.ts'
import { isFinal, isGoodbye, readControl } from './handshake.ts'
import type { Goodbye, Progress, Welcome } from './handshake.ts'
import { connectLanes } from './lane.ts'
import type { LaneEnd } from './lane.ts'
import { LOOSE_VALUES } from './limits.ts'
import type { Limits } from './limits.ts'
import { makeOutbox, sizeOf, WAITING } from './outbox.ts'
import { LONGEST } from './timer.ts'
import type { Trafficker } from './trafficker.ts'
import type { Data, Wire } from './transformer.ts'

/** Milliseconds for the answer to a ping, or to a goodbye. */
const PATIENCE = 5_000

/** An acknowledgement, which costs a server as much as a value, is sent for so many bytes; or so many milliseconds after the first. */
const ACK_BYTES = 65_536
const ACK_DELAY = 5_000

/**
 * The messages of a client's session, in and out, counted over one wire after the other.
 * @param keeper - keeps values while there is no wire
 * @param came - a value is there for the application
 * @param down - there is no wire, and none will come by itself. `over`: nor can the session go on; `gently`: the wire was closed
 */
export const makeTraffic = (
  client: Trafficker,
  limits: Limits,
  ends: ReadonlyMap<string, LaneEnd>,
  keeper: () => Keeper | undefined,
  report: (error: AnywireError) => void,
  came: (bytes: number) => void,
  down: (goodbye: Goodbye, over: boolean, gently?: boolean) => void
) => {
  const [add, flush, acknowledge, rewind, clear, free, heldBytes, waiting, hasRoom, unsent] = makeOutbox(limits.window)
  let wire: Wire | undefined
  /** The plugins' ends of the lanes that are connected, by number. */
  let lanes: readonly LaneEnd[] = []
  /** The largest message that the server takes. */
  let remoteLimit = limits.message
  /** The goodbye of this end, and whether it has left; what waits for the answer, and otherwise looks for signs of life. */
  let ending: Goodbye | undefined
  let said = false
  let timer: ReturnType<typeof setTimeout> | undefined
  /** How often something was heard. */
  let heard = 0
  /** Pings that wait for their answers, which come in order. */
  const pings: ((error?: Error) => void)[] = []
  /** Counted messages that came; those that a former wire has delivered already; the numbers of those that wait to be read. */
  let received = 0
  let skip = 0
  let held = new Set<number>()
  /** Bytes that were taken and not acknowledged, and how many may be. */
  let owed = 0
  let ackBytes = 0
  let ackTimer: typeof timer
  /** A writer was told to wait: `drain` follows as soon as there is a wire with room. */
  let wantsDrain = false
  /** Bytes of what was kept, or no session has sent, while they are on their way: they may be more than may wait. */
  let spare = 0
  let ticking = false

  const life = (): number => heard + (wire?.received ?? 0)

  /** How far this end has got. What was taken has no gaps: nothing behind a message that waits. */
  const progress = (): Progress => {
    const [first = received + 1] = held
    return [received, first - 1]
  }

  /** Tells how many messages were taken. */
  const count = (type: string): void => {
    clearTimeout(ackTimer)
    owed = 0
    wire?.send(type + progress()[1])
  }

  /** Sends what there is to send. */
  const tick = (): void => {
    ticking = false
    if (!wire) return
    flush(wire)
    if (ending && !waiting() && !said) bid(ending)
    if (!hasRoom()) return
    spare = 0
    if (wantsDrain && !client.outgoing.busy) {
      wantsDrain = false
      client.emit('drain')
    }
  }

  /** Has `tick` called at the end of this turn: in Node after all I/O of the turn was read, in browsers before the next task. */
  const schedule = (): void => {
    if (!ticking) (globalThis.setImmediate ?? queueMicrotask)(tick)
    ticking = true
  }

  /** Encodes and sends a value over a lane. */
  const transmit = (lane: number, value: unknown, options?: WriteOptions): boolean => {
    const loose = options?.reliable === false
    const data = frame(lane, client.parser.encode(value), !loose)
    checkSize(data, remoteLimit)
    if (loose) {
      if (!wire || !hasRoom() || wire.buffered > WAITING) return false
      if (wire.datagram) wire.datagram(data)
      else wire.send(data)
      return true
    }
    const kept = lane || client.state === 'open' ? undefined : keeper()
    if (!kept) add(data)
    schedule()
    if ((!kept || kept.put(data, options, report)) && hasRoom()) return true
    wantsDrain = true
    const cap = wire ? limits.buffered : limits.window
    // One message over is accepted, so that a message of the size of the cap can be sent at all. Who keeps has a cap of its own.
    if (!kept && heldBytes() - spare > cap + Math.min(cap, limits.message)) fail(new AnywireError(ERR_SLOW))
    return false
  }

  /** Has `drain` told once there is room. */
  const wait = (): void => {
    wantsDrain = true
    schedule()
  }

  /** Says goodbye now. */
  const bid = (goodbye: Goodbye): void => {
    said = true
    count(ACK)
    wire?.send(CLOSE + JSON.stringify(goodbye))
    // The server answers by closing the wire. One that does not is left.
    clearTimeout(timer)
    timer = setTimeout(down, PATIENCE, goodbye, true)
  }

  /** A goodbye was said, by either end: closes the wire as it should be, and is done with the session. */
  const left = (goodbye: Goodbye): void => {
    wire?.close(goodbye[0], '')
    down(goodbye, true, true)
  }

  /** Says goodbye before everything that waits, and ends. */
  const leave = (goodbye: Goodbye): void => {
    if (client.state === 'closed') return
    if (!said) bid(goodbye)
    left(goodbye)
  }

  /** Behind everything that waits. Undefined: there is a new beginning. */
  const finish = (goodbye?: Goodbye): void => {
    ending = goodbye
    schedule()
  }

  /** The server broke a rule or a limit: ends the connection, and says why. */
  const fail = (cause: unknown): void => {
    if (client.state === 'closed') return
    const error = cause instanceof AnywireError && cause.status ? cause : new AnywireError(ERR_VALUE, '', cause)
    report(error)
    leave([error.status, error.message, 0])
  }

  /** @param number - which one of those that are counted; 0 for what is not */
  const arrived = (lane: number, data: Data, number: number): void => {
    const end = lane ? lanes[lane] : undefined
    if (lane && !end) throw new AnywireError(ERR_PROTOCOL)
    const value = client.parser.decode(data)
    const queue = held
    if (number) queue.add(number)
    const taken = (): void => {
      if (!queue.delete(number)) return
      if (!owed) ackTimer = setTimeout(count, ACK_DELAY, ACK)
      owed += sizeOf(data)
      if (owed >= ackBytes) count(ACK)
    }
    if (end) {
      end.emit('data', value)
      taken()
    } else if (number || client.incoming.length < LOOSE_VALUES) {
      client.incoming.run(value, passed => client.emit('data', passed), taken)
      came(sizeOf(data))
    }
  }

  const control = (data: Data): void => {
    const goodbye = readControl(CLOSE, data)
    if (isGoodbye(goodbye)) {
      const before = wire
      // What was written until now may still arrive, and what arrived will be read, however long the reader takes.
      tick()
      // A handler of `drain` may have ended it all.
      if (wire !== before) return
      held.clear()
      count(ACK)
      return left(goodbye)
    }
    const [, type, total] = COUNT.exec(`${data}`) ?? []
    if (!total || !acknowledge(+total)) throw new AnywireError(ERR_PROTOCOL)
    if (type === PING) count(PONG)
    if (type === PONG) pings.shift()?.()
    schedule()
  }

  const message = (data: Data): void => {
    const head = headOf(data)
    heard++
    try {
      if (!(head >= LANE)) control(data)
      else if (head >= LOOSE) arrived(head - LOOSE, payloadOf(data), 0)
      else if (skip > 0) skip--
      else arrived(head - LANE, payloadOf(data), ++received)
    } catch (error) {
      fail(error)
    }
  }

  const drain = (): void => {
    free()
    tick()
  }

  const ping = (timeout = PATIENCE): Promise<number> =>
    new Promise((resolve, reject) => {
      const since = performance.now()
      const before = life()
      if (!wire) return reject(new AnywireError(ERR_CLOSED))
      const late = setTimeout(() => life() === before && lost(tell(ERR_TIMEOUT)), Math.min(LONGEST, timeout))
      pings.push(error => {
        clearTimeout(late)
        return error ? reject(error) : resolve(performance.now() - since)
      })
      count(PING)
    })

  /** Goes on over a wire. Returns what tells whether it still is the one; nothing where that cannot be. */
  const attach = (on: Wire, welcome: Welcome): (() => boolean) | undefined => {
    const [, , recovered, names, , taken, consumed, from, limit, own, heartbeat] = welcome
    const window = Math.min(limits.window, own)
    wire = on
    if (recovered && !rewind(taken, consumed)) {
      fail(new AnywireError(ERR_PROTOCOL))
      return undefined
    }
    heard++
    lanes = connectLanes(ends, names)
    remoteLimit = limit
    free(window)
    // The server's window is this end's, the smaller of both: it must not stand still before it is told.
    ackBytes = Math.min(ACK_BYTES, window / 8)
    skip = received - from
    // What was said over the wire before may not have arrived, nor the answers to pings.
    said = false
    for (const _ of pings) count(PING)
    schedule()
    clearTimeout(timer)
    let before = life()
    const look = (): void => {
      // A wire that is given up tells that by itself.
      if (life() === before) ping().catch(() => {})
      before = life()
    }
    if (heartbeat) timer = setInterval(look, Math.min(heartbeat * 1.5, LONGEST))
    return () => wire === on
  }

  /** Sends what former sessions did not, and then these messages: behind what was written meanwhile. */
  const requeue = (messages: readonly Data[] = []): void => {
    for (const data of [...unsent(), ...messages]) {
      try {
        checkSize(data, remoteLimit)
        add(data)
        spare += sizeOf(data)
      } catch (error) {
        report(error as AnywireError)
      }
    }
    schedule()
  }

  /** The wire is gone. `moving`: perhaps because the connection moved, and somebody else will tell. */
  const lost = (goodbye: Goodbye, moving?: boolean): void => {
    wire = undefined
    if (said) down(ending || goodbye, true)
    else if (!moving) down(goodbye, isFinal(goodbye[0]))
  }

  /** Lets go of the wire, and keeps the session. */
  const detach = (): void => {
    clearTimeout(timer)
    wire = undefined
    count(ACK)
    for (const settle of pings.splice(0)) settle(new AnywireError(ERR_CLOSED))
  }

  /** Is done with a session: what is taken now is not counted. Returns what `clear` does. */
  const forget = (all?: boolean): Data[] => {
    said = false
    spare = received = 0
    lanes = connectLanes(ends, [])
    held.clear()
    held = new Set()
    return clear(all)
  }

  return [
    transmit,
    message,
    drain,
    ping,
    attach,
    detach,
    lost,
    forget,
    requeue,
    wait,
    leave,
    finish,
    progress,
    heldBytes
  ] as const
}
