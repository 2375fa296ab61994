import { Run } from './run.ts'
import type { Data, Wire } from './transformer.ts'

/** One entry of the log: a run that left, or is about to leave, in one piece. */
interface Entry {
  run: Run
  next: Entry | undefined
}

/** A run is closed when it reaches this many bytes, so that a stalled wire is fed in pieces. */
const PIECE = 65_536

/** Without being sent more than this, an end says "full". */
const WAITING = 65_536

/**
 * What one end has written and the other has not yet acknowledged: one first-in, first-out log, which is the send queue
 * and the recovery log at once.
 *
 *     head → [acknowledged up to here] sent, sent, sent | unsent, unsent, queue ← tail
 *
 * Messages are counted, not numbered: the log knows how many counted messages came before `head`.
 */
export class Outbox {
  /** The run of the current turn; a new message is added to it. */
  queue: Run | undefined
  /** Set by a wire that said "full", until its drain. */
  full = false
  /** How many bytes may be sent and not acknowledged: the smaller of both ends' windows. */
  window: number
  /** Bytes held: sent and not acknowledged, or not sent. */
  bytes = 0

  /** False: nothing can be sent twice, so nothing is kept once it is sent. */
  readonly #keep: boolean
  #head: Entry | undefined
  #tail: Entry | undefined
  #unsent: Entry | undefined
  /** Bytes sent and not acknowledged. */
  #flying = 0
  /** Counted messages before `head`, and those sent. */
  #base = 0
  #sent = 0

  constructor(window: number, keep: boolean) {
    this.window = window
    this.#keep = keep
  }

  /** Bytes that have not been sent. */
  get waiting(): number {
    return this.bytes - this.#flying
  }

  /** Whether a writer may go on. */
  get writable(): boolean {
    return !this.full && this.#flying < this.window && this.waiting < WAITING
  }

  /** Whether every message was sent and, where that is known, acknowledged. */
  get empty(): boolean {
    return this.bytes === 0
  }

  /** Adds a message for this connection alone. */
  add(data: Data, counted: boolean): void {
    this.put(new Run(this.queue, data, counted))
  }

  /** Replaces the run of the current turn by one that has one message more. */
  put(run: Run): void {
    this.bytes += run.size - (this.queue ? this.queue.size : 0)
    this.queue = run
    if (run.size >= PIECE) this.#seal()
  }

  /** Hands to the wire what it and the window have room for. */
  flush(wire: Wire): void {
    this.#seal()
    while (this.#unsent && !this.full && this.#flying < this.window) {
      const { run, next } = this.#unsent
      this.#unsent = next
      this.#sent += run.count
      if (this.#keep) this.#flying += run.size
      else this.#drop()
      this.full = !send(wire, run)
    }
  }

  /**
   * The other end took `count` messages in all.
   * @returns false when it cannot have.
   */
  acknowledge(count: number): boolean {
    if (count > this.#sent) return false
    while (this.#head && this.#head !== this.#unsent && this.#base + this.#head.run.count <= count) {
      this.#flying -= this.#head.run.size
      this.#drop()
    }
    return true
  }

  /**
   * A new wire: what the other end did not receive will be sent again, unreliable messages excepted.
   * @param received - how many messages the other end received in all
   * @param consumed - how many of them it took, and so acknowledges
   * @returns false when the log does not reach back to there.
   */
  rewind(received: number, consumed: number): boolean {
    if (consumed > received || received > this.#sent || received < this.#base) return false
    this.acknowledge(consumed)
    this.#seal()
    const unsent = this.#unsent
    let entry = this.#head
    let before = this.#base
    let again = true
    this.#head = this.#tail = this.#unsent = undefined
    this.bytes = this.#flying = 0
    this.#sent = received
    this.full = false
    for (; entry; entry = entry.next) {
      const { run } = entry
      if (entry === unsent) again = false
      const known = Math.min(Math.max(received - before, 0), run.count)
      before += run.count
      if (known > 0) {
        this.#append(known === run.count ? run : chain(run.reliable(0, known)))
        this.#flying = this.bytes
      }
      if (!again) this.#queue(run)
      else if (known < run.count) this.#queue(known === 0 && run.count === run.length ? run : chain(run.reliable(known)))
    }
    return true
  }

  /** Empties the log. Returns the counted messages that were sent and not acknowledged, and those never sent. */
  clear(): { sent: Data[]; unsent: Data[] } {
    this.#seal()
    const cleared = { sent: [] as Data[], unsent: [] as Data[] }
    let target = cleared.sent
    for (let entry = this.#head; entry; entry = entry.next) {
      if (entry === this.#unsent) target = cleared.unsent
      target.push(...entry.run.reliable())
    }
    this.#head = this.#tail = this.#unsent = undefined
    this.bytes = this.#flying = this.#base = this.#sent = 0
    this.full = false
    return cleared
  }

  #seal(): void {
    if (!this.queue) return
    const run = this.queue
    this.queue = undefined
    this.bytes -= run.size
    this.#queue(run)
  }

  #queue(run: Run): void {
    const entry = this.#append(run)
    this.#unsent ??= entry
  }

  #append(run: Run): Entry {
    const entry: Entry = { run, next: undefined }
    if (this.#tail) this.#tail.next = entry
    else this.#head = entry
    this.bytes += run.size
    return (this.#tail = entry)
  }

  #drop(): void {
    const entry = this.#head
    if (!entry) return
    this.#base += entry.run.count
    this.bytes -= entry.run.size
    this.#head = entry.next
    if (!entry.next) this.#tail = undefined
  }
}

/** A run of at least one message. */
const chain = ([first = '', ...rest]: Data[]): Run =>
  rest.reduce((run, data) => new Run(run, data, true), new Run(undefined, first, true))

const send = (wire: Wire, run: Run): boolean => {
  if (wire.sendRun) return wire.sendRun(run)
  let room = true
  for (const data of run.messages()) room = wire.send(data)
  return room
}
