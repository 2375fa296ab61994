import type { WriteOptions } from '../client/engine.ts'
import type { Entry } from '../client/entry.ts'
import { makeNode } from '../client/kept.ts'
import { Outbox, Queue } from '../client/outbox.ts'
import type { Registers } from '../core/frame.ts'
import type { Write } from '../core/register.ts'
import type { Turn } from './turns.ts'
import type { Within } from './within.ts'

/** What one hook writes; when that is decided, another one may have it. */
interface Lane {
  readonly queue: Queue
  turn: Turn
}

/**
 * The outbox of the process. What is written within a hook has a queue of its own, which waits for no other one: a hook may wait for
 * what it writes, and others for the hook.
 */
export class OwnOutbox extends Outbox {
  readonly #within: Within
  readonly #lanes: Lane[] = []

  constructor(within: Within) {
    super(makeNode())
    this.#within = within
  }

  override add(records: readonly Registers<Write>[], options: WriteOptions, moment: Entry['moment']): Entry {
    const { turn } = this.#within
    return super.add(records, options, moment, turn && this.#queueOf(turn))
  }

  override send(send: (entry: Entry) => boolean): void {
    for (const queue of this.queues) if (!this.sendOf(queue, send)) return
  }

  override get entries(): Entry[] {
    const entries = super.entries
    return this.#lanes.length ? entries.sort((a, b) => a.span[0] - b.span[0]) : entries
  }

  /** The turn of the hook that has written what is on its way of a node. */
  turnOf(node: string): Turn | undefined {
    return this.#lanes.find(({ queue }) => queue.node === node)?.turn
  }

  #queueOf(turn: Turn): Queue {
    const own = this.#lanes.find(lane => lane.turn === turn)
    if (own) return own.queue
    const free = this.#lanes.find(({ queue, turn }) => turn.isOver && !queue.entries.length)
    if (free) {
      free.turn = turn
      return free.queue
    }
    const queue = new Queue(makeNode())
    this.#lanes.push({ queue, turn })
    this.queues.push(queue)
    return queue
  }
}
