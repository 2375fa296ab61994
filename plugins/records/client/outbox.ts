import type { Behind, Registers } from '../core/frame.ts'
import type { Write } from '../core/register.ts'
import { unchanged } from './derived.ts'
import type { WriteOptions } from './engine.ts'
import { Entry } from './entry.ts'
import { makeNode } from './kept.ts'
import type { ServerClock } from './offset.ts'

/**
 * How many writes of a node are on their way at most, and about how many bytes of them: servers count what they take in memory, which is many
 * times as much where fields are small.
 */
export const WINDOW = 500
const MOST_BYTES = 524_288

/** Which write it is. */
export type WriteId = Pick<Entry, 'node' | 'number'>

/** What one node has written, and the authority has not acknowledged, in the order of numbers. */
export class Queue {
  node: string
  /** The number of the next write. */
  next = 1
  readonly entries: Entry[] = []
  /** How many of them were sent in this session, and their bytes. */
  sent = 0
  bytes = 0

  /** The first of its stamps. */
  get first(): number {
    return this.entries[0]?.span[0] ?? 0
  }

  constructor(node: string) {
    this.node = node
  }

  /** What is behind so many has to be sent again. */
  rewind(count: number): void {
    this.sent = Math.min(this.sent, count)
    this.bytes = this.entries.slice(0, this.sent).reduce((sum, { size }) => sum + size, 0)
  }
}

/** What waits to be committed: of this replica's node, and of nodes whose process is gone. */
export class Outbox {
  readonly own: Queue
  /** In the order of writing; the own one is the last. */
  queues: Queue[]
  /** What was let go of with the store, and waits in it: it does until the store is open again. */
  left: readonly Entry[] = []
  readonly #held = new Set<Queue>()
  readonly #void = new Set<Entry>()
  #pending: readonly Entry[] = []

  constructor(node: string) {
    this.own = new Queue(node)
    this.queues = [this.own]
  }

  /** What applications see of it: what was taken back is only there for its number. */
  get pending(): readonly Entry[] {
    return (this.#pending = unchanged(
      this.#pending,
      [...this.left, ...this.entries].filter(({ isVoid }) => !isVoid)
    ))
  }

  get entries(): Entry[] {
    return this.queues.flatMap(({ entries }) => entries)
  }

  /** The last one that will be acknowledged. */
  get last(): Behind | undefined {
    let behind: Behind | undefined
    for (const { node, entries } of this.queues) {
      const last = entries.at(-1)
      if (last) behind = [node, last.number]
    }
    return behind
  }

  get count(): number {
    let count = 0
    for (const { entries } of this.queues) count += entries.length
    return count
  }

  /** How many `pending` has. */
  get waiting(): number {
    return this.count - this.#void.size + this.left.length
  }

  /** Takes a write back: only its number is sent. */
  void(entry: Entry): void {
    entry.isVoid = true
    if (this.find(entry.node, entry.number) === entry) this.#void.add(entry)
  }

  /** Takes over what processes that are gone have left. */
  adopt(queues: readonly Queue[]): void {
    this.left = []
    for (const queue of queues) this.queues.push(queue)
    this.queues.sort((a, b) => Number(a === this.own) - Number(b === this.own) || a.first - b.first)
    for (const { entries } of queues) for (const entry of entries) if (entry.isVoid) this.void(entry)
  }

  add(records: readonly Registers<Write>[], options: WriteOptions, moment: Entry['moment'], queue = this.own): Entry {
    const entry = new Entry(queue.node, queue.next++, records, options, moment)
    queue.entries.push(entry)
    return entry
  }

  /** What a node wrote goes on under another one. @returns it, with the node that it had, to be put into this anew */
  take(node: string): Entry[] {
    const queue = this.#of(node)
    if (!queue) return []
    queue.rewind(0)
    if (queue === this.own) {
      queue.node = makeNode()
      queue.next = 1
    }
    return this.#remove(queue, queue.entries.length)
  }

  /** Lets go of all there is, which another one may go on with, and which `pending` has until then. @returns it */
  leave(): Entry[] {
    const { entries, own } = this
    this.left = this.pending
    for (const { node } of this.queues) this.take(node)
    this.queues = [own]
    return entries
  }

  /** Puts writes behind the own ones. */
  put(entries: readonly Entry[]): void {
    for (const entry of entries) {
      entry.node = this.own.node
      entry.number = this.own.next++
      this.own.entries.push(entry)
      if (entry.isVoid) this.void(entry)
    }
  }

  find(node: string, number: number): Entry | undefined {
    const entries = this.#of(node)?.entries ?? []
    return entries[number - (entries[0]?.number ?? 0)]
  }

  /** Removes what is acknowledged. */
  acknowledge(node: string, number: number): readonly Entry[] {
    const queue = this.#of(node)
    const first = queue?.entries[0]
    if (!queue || !first || number < first.number) return []
    const gone = this.#remove(queue, number - first.number + 1)
    for (const { size } of gone.slice(0, queue.sent)) queue.bytes -= size
    queue.sent = Math.max(0, queue.sent - gone.length)
    return gone
  }

  /** A new session: all that is not acknowledged has to be sent. */
  rewind(): void {
    for (const queue of this.queues) queue.rewind(0)
    this.#held.clear()
  }

  /** What a node wrote from this number on has to be sent again, but not now. */
  hold(node: string, number: number): void {
    const queue = this.#of(node)
    const first = queue?.entries[0]
    if (!queue || !first) return
    queue.rewind(Math.max(0, number - first.number))
    this.#held.add(queue)
  }

  /** Now it may be sent. */
  resume(): void {
    this.#held.clear()
  }

  /**
   * Sends what is stored and was not sent, as long as there is room.
   * @param send - @returns false when there is no more room
   */
  send(send: (entry: Entry) => boolean): void {
    // What is behind one that is not empty may build on it.
    for (const queue of this.queues) if (!this.sendOf(queue, send) || queue.entries.length) return
  }

  /** Sends what there is of one queue. @returns false when there is no more room */
  protected sendOf(queue: Queue, send: (entry: Entry) => boolean): boolean {
    while (queue.sent < WINDOW && queue.bytes < MOST_BYTES && !this.#held.has(queue)) {
      const entry = queue.entries[queue.sent]
      if (!entry?.isKept) break
      queue.sent++
      const hasRoom = send(entry)
      queue.bytes += entry.size
      if (!hasRoom) return false
    }
    return true
  }

  /** Whether something was never sent, and its stamps may be wrong. */
  get isDoubtful(): boolean {
    return this.queues.some(({ entries }) => entries.some(({ moment }) => moment))
  }

  /** Gives what was never sent the stamps that it should have. The order of the author is kept. @returns what changed */
  correct(clock: ServerClock): readonly Entry[] {
    const changed: Entry[] = []
    let before = 0
    for (const entry of this.entries) {
      const { moment } = entry
      if (moment) {
        const [first] = entry.spanAfter(moment.floor)
        const by = Math.max(clock.correct(moment) ?? first, moment.floor + 1, before + 1) - first
        if (by && first < Infinity) {
          entry.shift(by, moment.floor)
          changed.push(entry)
        }
      }
      before = Math.max(before, entry.span[1])
    }
    clock.corrected(before)
    return changed
  }

  /** Whether a write is there, and was not sent in this session. */
  isUnsent(entry: Entry): boolean {
    const queue = this.#of(entry.node)
    return !!queue && !entry.isVoid && queue.entries.indexOf(entry) >= queue.sent
  }

  #remove({ entries }: Queue, count: number): Entry[] {
    const gone = entries.splice(0, count)
    for (const entry of gone) this.#void.delete(entry)
    return gone
  }

  #of(node: string): Queue | undefined {
    return this.queues.find(queue => queue.node === node)
  }
}
