import { AnywireError } from '../../../lib/errors.ts'
import { ERR_CONFLICT } from '../../../lib/failures.ts'
import type { During } from '../../../lib/plugin.ts'
import type { Collections, EngineEvents, WriteHandle, WriteOptions } from '../client/engine.ts'
import { Replica } from '../client/replica.ts'
import type { ReplicaOptions } from '../client/replica-options.ts'
import type { Registers, SchemaVersion } from '../core/frame.ts'
import { IMPLICIT, OBJECT } from '../core/register.ts'
import type { Write } from '../core/register.ts'
import type { Authority } from './authority.ts'
import { OwnOutbox } from './own-outbox.ts'
import type { Turn } from './turns.ts'
import { ownWrite } from './verdict.ts'
import type { Within } from './within.ts'

interface OwnOptions {
  readonly collections?: Collections | undefined
  readonly schema?: SchemaVersion | undefined
  readonly now?: (() => number) | undefined
  readonly monotonic?: (() => number) | undefined
  readonly within: Within
}

/** How long it waits before it connects again, in milliseconds. */
const PAUSE = 100

/** A replica of the process itself, which knows what of its writes is written within hooks. */
class OwnReplica extends Replica {
  readonly within: Within
  readonly turnOf: (node: string) => Turn | undefined

  constructor(options: ReplicaOptions, within: Within) {
    const outbox = new OwnOutbox(within)
    super(options, outbox)
    this.within = within
    this.turnOf = node => outbox.turnOf(node)
  }

  override write(records: readonly Registers<Write>[], options: WriteOptions = {}): WriteHandle {
    const { turn } = this.within
    const own = turn && records.find(({ record }) => turn.goesBy(record))
    // It would wait for the hook, or have it called again and again.
    if (own) return this.refuse(new AnywireError(ERR_CONFLICT, ownWrite(own.record)), records, options)
    return super.write(turn || this.#isOvertaken ? records.map(parts => this.#alone(parts)) : records, options)
  }

  /** Who listens may be told in the same step in which a hook writes, and is not at work for it. */
  override emit<K extends keyof EngineEvents>(event: K, ...args: EngineEvents[K]): boolean {
    let isHeard = false
    this.within.outside(() => (isHeard = super.emit(event, ...args)))
    return isHeard
  }

  /** Whether something waits that was written within hooks, and may be done after what is written later. */
  get #isOvertaken(): boolean {
    return this.outbox.queues.some(({ entries }, at) => at > 0 && entries.length > 0)
  }

  /** What may come before something that is seen here: it makes the record too, where that would. */
  #alone(parts: Registers<Write>): Registers<Write> {
    const { record, registers } = parts
    if (!this.records.pending(record).length || registers.some(({ path }) => path === '')) return parts
    return { record, registers: [{ path: '', kind: OBJECT, value: undefined, ...IMPLICIT }, ...registers] }
  }
}

/** @param failed - called when the authority has ended the connection. @returns ends it */
const connect = (authority: Pick<Authority, 'connect'>, replica: OwnReplica, failed: () => void): (() => void) => {
  let isOver = false
  const { within, turnOf } = replica
  const follower = authority.connect({
    peer: undefined,
    turnOf,
    send: bytes => {
      queueMicrotask(() => {
        if (!isOver) replica.receive(bytes)
      })
      return true
    },
    fail: () => {
      if (!isOver) failed()
    }
  })
  replica.connected(bytes => {
    if (!isOver) within.outside(() => follower.receive(bytes))
    return true
  })
  return () => {
    if (isOver) return
    isOver = true
    follower.end()
    replica.disconnected()
  }
}

/** A replica of the process itself: what a server has beside its authority, to read and write records as clients do. */
export const ownReplica = (
  authority: Pick<Authority, 'connect'>,
  { collections = {}, schema, now = () => Date.now(), monotonic = () => performance.now(), within }: OwnOptions,
  during: During
): Replica => {
  const replica = new OwnReplica({ now, monotonic, collections, ...(schema && { schema }) }, within)
  during(() => {
    let end = connect(authority, replica, again)
    let timer: ReturnType<typeof setTimeout> | undefined
    function again(): void {
      end()
      timer = setTimeout(() => (end = connect(authority, replica, again)), PAUSE)
    }
    return () => {
      clearTimeout(timer)
      end()
      replica.ended()
    }
  })
  return replica
}
