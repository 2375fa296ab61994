import { AnywireError } from '../../../lib/errors.ts'
import { ERR_OPTION } from '../../../lib/failures.ts'
import type { Value } from '../../../lib/store.ts'
import { Edit } from '../core/edit.ts'
import type { Operation } from '../core/edit.ts'
import type { Registers } from '../core/frame.ts'
import { resolve } from '../core/increment.ts'
import type { Place } from '../core/place.ts'
import { RecordState } from '../core/record-state.ts'
import type { Write } from '../core/register.ts'
import type { Engine, WriteOptions } from './engine.ts'
import type { AnyRecord } from './types.ts'
import { Fields } from './fields.ts'
import type { EditOptions } from './target.ts'

/** What is written together: all of it, or nothing. */
export interface Transaction {
  readonly records: readonly Registers<Write>[]
  readonly conditions: NonNullable<WriteOptions['conditions']>
}

/** What the application does in it. */
interface Act {
  isOver: boolean
}

/** A record in a transaction: what it will be. */
class Draft extends Fields<AnyRecord, void> {
  readonly writes: Write[] = []
  /** The version that it must still have. */
  ifVersion: number | undefined
  readonly #act: Act
  readonly #engine: Engine
  readonly #state: RecordState

  constructor(engine: Engine, id: string, act: Act) {
    super(id)
    this.#act = act
    this.#engine = engine
    this.#state = engine.state(id)?.copy() ?? new RecordState()
  }

  look(): Value | undefined {
    return this.#engine.visible(this.id, this.#state) ? this.#state.view() : undefined
  }

  find(path: string): Place | undefined {
    return this.#engine.visible(this.id, this.#state) ? this.#state.find(path) : undefined
  }

  edit(operation: Operation, path: string, value?: unknown, { ifVersion = this.ifVersion }: EditOptions = {}): void {
    // It would be in nothing.
    if (this.#act.isOver) throw new AnywireError(ERR_OPTION, `the transaction that '${this.id}' is of is over`)
    // Each edit has a stamp of its own, so that a later one wins.
    const edit = new Edit(this.#state, this.#engine.tick(), this.#engine.limits.maxValue)
    edit[operation](path, value)
    this.ifVersion = ifVersion
    for (const write of edit.writes) {
      this.#state.merge(resolve(this.#state, write))
      this.writes.push(write)
    }
  }
}

/** @param act - reads and writes the records that it gets; each with what was written to it so far */
export const transact = (
  engine: Engine,
  act: (get: (id: string) => Fields<AnyRecord, void>) => unknown
): Transaction => {
  const drafts = new Map<string, Draft>()
  const own = { isOver: false }
  let result: unknown
  try {
    result = act(id => {
      const draft = drafts.get(id) ?? new Draft(engine, id, own)
      drafts.set(id, draft)
      return draft
    })
  } finally {
    own.isOver = true
  }
  // What it writes later would be in nothing.
  if (result instanceof Promise) {
    result.catch(() => {})
    throw new AnywireError(ERR_OPTION, 'a transaction must not be asynchronous')
  }
  const all = [...drafts.values()]
  return {
    records: all
      .filter(({ writes, ifVersion }) => writes.length || ifVersion !== undefined)
      .map(({ id, writes }) => ({ record: id, registers: writes })),
    conditions: all.flatMap(({ id, ifVersion }) => (ifVersion === undefined ? [] : [[id, ifVersion] as const]))
  }
}
