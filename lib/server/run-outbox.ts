import { WAITING } from '../outbox.ts'
import type { Outbox } from '../outbox.ts'
import { Run } from '../run.ts'
import type { Data, Wire } from '../transformer.ts'

/** One entry of the log: a run that left, or is about to leave, in one piece. */
interface Entry {
  readonly run: Run
  next: Entry | undefined
}

/** A run is closed when it reaches this many bytes, so that a stalled wire is fed in pieces. */
const PIECE = 65_536

/**
 * The log of a peer, made of runs: what is written in one turn leaves in one piece, whose bytes are shared with the peers
 * that were sent the same.
 *
 *     head → [acknowledged up to here] sent, sent, sent | unsent, unsent, queue ← tail
 */
export class RunOutbox implements Outbox {
  /** The run of the current turn; a new message is added to it. */
  queue: Run | undefined
  full = false
  window: number
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

  get waiting(): number {
    return this.bytes - this.#flying
  }

  get writable(): boolean {
    return !this.full && this.#flying < this.window && this.waiting < WAITING
  }

  add(data: Data): void {
    this.put(new Run(this.queue, data, true))
  }

  /** Replaces the run of the current turn by one that has one message more. */
  put(run: Run): void {
    this.bytes += run.size - (this.queue ? this.queue.size : 0)
    this.queue = run
    if (run.size >= PIECE) this.#seal()
  }

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

  acknowledge(count: number): boolean {
    if (count > this.#sent) return false
    while (this.#head && this.#head !== this.#unsent && this.#base + this.#head.run.count <= count) {
      this.#flying -= this.#head.run.size
      this.#drop()
    }
    return true
  }

  /** Unreliable messages are not sent again. */
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

  clear(): { sent: Data[]; unsent: Data[] } {
    this.#seal()
    const cleared = { sent: [] as Data[], unsent: [] as Data[] }
    let target = cleared.sent
    for (let entry = this.#head; entry; entry = entry.next) {
      if (entry === this.#unsent) target = cleared.unsent
      target.push(...entry.run.reliable())
    }
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
