import { WAITING } from '../outbox.ts'
import { Run } from '../run.ts'
import type { Data, Wire } from '../transformer.ts'
import type { Outbox } from './outbox.ts'
import { RunLog } from './run-log.ts'

/** A run is closed when it reaches this many bytes, so that a stalled wire is fed in pieces. */
const PIECE = 65_536

/**
 * The log of a peer, made of runs: what is written in one turn leaves in one piece, whose bytes are shared with the peers
 * that were sent the same.
 *
 *     [acknowledged up to here] sent, sent, sent | unsent, unsent | queue
 *
 * A client that moved may acknowledge over the new wire what it got over the former one, and what waits to be sent again. That
 * is sent all the same, since the client drops so many messages as the welcome made it expect; it is not kept any more.
 *
 * It is itself the log of what was sent: another object for each peer would be one more to look for in memory at each send.
 */
export class RunOutbox extends RunLog implements Outbox {
  /** The run of the current turn; a new message is added to it. */
  queue: Run | undefined
  full = false
  readonly window: number
  bytes = 0

  /** False: nothing is acknowledged, so nothing is kept once it is sent. */
  readonly #keep: boolean
  /** A run of so many bytes is closed. */
  readonly #piece: number
  #unsent = new RunLog()
  /** Bytes sent and not acknowledged. */
  #flying = 0
  /** Counted messages before the first run; those acknowledged, which may end within it; and those sent. */
  #base = 0
  #taken = 0
  #count = 0
  /**
   * The most that were ever sent. A client that comes back may have got more than were sent again since it said where it
   * was: what it heard meanwhile over the wire before.
   */
  #reached = 0

  constructor(window: number, keep: boolean) {
    super()
    this.window = window
    this.#piece = Math.min(PIECE, Math.ceil(window / 4))
    this.#keep = keep
  }

  get waiting(): number {
    return this.bytes - this.#flying
  }

  get sent(): number {
    return this.#count
  }

  get writable(): boolean {
    return !this.full && this.#flying < this.window && this.waiting < Math.min(WAITING, this.window)
  }

  add(data: Data): void {
    this.put(new Run(this.queue, data, true))
  }

  /** Replaces the run of the current turn by one that has one message more. */
  put(run: Run): void {
    this.bytes += run.size - (this.queue ? this.queue.size : 0)
    this.queue = run
    // Whole runs are sent, so they must not be larger than what the other end allows.
    if (run.size >= this.#piece) this.#seal()
  }

  flush(wire: Wire): void {
    // Most often nothing waits but the run of this turn.
    if (this.queue && this.waiting > this.queue.size) this.#seal()
    while (this.waiting > 0 && !this.full && this.#flying < this.window) {
      const run = this.queue ?? this.#unsent.shift()
      if (!run) return
      this.queue = undefined
      this.#count += run.count
      if (this.#count > this.#reached) this.#reached = this.#count
      this.bytes -= run.size
      // What the other end does not count it does not acknowledge, and is not sent again.
      const kept = run.count === run.length ? run : chain(run.reliable())
      if (this.#count <= this.#taken) this.#base = this.#count
      else if (this.#keep && kept) this.#fly(kept)
      this.full = !send(wire, run)
    }
  }

  acknowledge(count: number): boolean {
    if (count > this.#reached) return false
    if (count > this.#taken) this.#taken = count
    for (;;) {
      const run = this.shift(this.#taken - this.#base)
      if (!run) return true
      this.#base += run.count
      this.#flying -= run.size
      this.bytes -= run.size
    }
  }

  rewind(received: number, consumed: number): boolean {
    if (consumed > received || received > this.#reached) return false
    this.#seal()
    const from = Math.max(received, this.#taken)
    const all = [...this, ...this.#unsent]
    this.empty()
    this.#unsent = new RunLog()
    this.bytes = this.#flying = 0
    let before = this.#base
    for (const run of all) {
      const known = from - before
      before += run.count
      const [head, tail] = known > 0 ? split(run, Math.min(known, run.count)) : [undefined, run]
      if (head) this.#fly(head)
      if (tail) this.#wait(tail)
    }
    this.#seal()
    this.#count = from
    this.full = false
    return this.acknowledge(consumed)
  }

  clear(): { sent: Data[]; unsent: Data[] } {
    this.#seal()
    const sent = [...this].flatMap(run => run.reliable()).slice(this.#taken - this.#base)
    const unsent = [...this.#unsent].flatMap(run => run.reliable()).slice(Math.max(0, this.#taken - this.#count))
    this.empty()
    this.#unsent = new RunLog()
    this.bytes = this.#flying = 0
    return { sent, unsent }
  }

  /** A run waits to be sent. Messages that were kept one by one leave in one piece. */
  #wait(run: Run): void {
    if (run.length === 1 && !run.shared) return this.put(new Run(this.queue, run.data, run.counted))
    this.#seal()
    this.#unsent.push(run)
    this.bytes += run.size
  }

  /** A run is sent, and not acknowledged. */
  #fly(run: Run): void {
    this.keep(run)
    this.#flying += run.size
    this.bytes += run.size
  }

  #seal(): void {
    if (this.queue) this.#unsent.push(this.queue)
    this.queue = undefined
  }
}

/** The counted messages of a run, before and from number `at`. */
const split = (run: Run, at: number): readonly [Run | undefined, Run | undefined] => {
  if (at === run.length) return [run, undefined]
  return [chain(run.reliable(0, at)), chain(run.reliable(at))]
}

const chain = (messages: readonly Data[]): Run | undefined =>
  messages.reduce<Run | undefined>((run, data) => new Run(run, data, true), undefined)

const send = (wire: Wire, run: Run): boolean => {
  if (wire.sendRun) return wire.sendRun(run)
  let room = true
  for (const data of run.messages()) room = wire.send(data)
  return room
}
