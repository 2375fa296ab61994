import type { Value } from '../../../lib/store.ts'
import { Edit } from '../core/edit.ts'
import type { Registers } from '../core/frame.ts'
import { resolve } from '../core/increment.ts'
import { RecordState } from '../core/record-state.ts'
import type { Write } from '../core/register.ts'
import type { Engine } from './engine.ts'
import { Fields } from './fields.ts'
import type { EditOptions, Target } from './target.ts'

/** A record within a transaction: with what the transaction wrote so far. */
class Draft implements Target<void> {
  readonly writes: Write[] = []
  readonly #engine: Engine
  readonly #id: string
  readonly #state: RecordState
  readonly #conditions: Map<string, number>

  constructor(engine: Engine, id: string, conditions: Map<string, number>) {
    this.#engine = engine
    this.#id = id
    this.#state = engine.state(id)?.copy() ?? new RecordState()
    this.#conditions = conditions
  }

  look(): Value | undefined {
    return this.#engine.visible(this.#id, this.#state) ? this.#state.view() : undefined
  }

  edit(act: (edit: Edit) => unknown, { ifVersion }: EditOptions = {}): void {
    // Each edit has a stamp of its own, so that a later one wins.
    const edit = new Edit(this.#state, this.#engine.tick(), this.#engine.limits.maxValue)
    act(edit)
    if (ifVersion !== undefined) this.#conditions.set(this.#id, ifVersion)
    for (const write of edit.writes) this.#state.merge(resolve(this.#state, write))
    this.writes.push(...edit.writes)
  }
}

/** What is written together: all of it, or nothing. */
export class Transaction {
  readonly #engine: Engine
  readonly #drafts = new Map<string, Draft>()
  readonly #versions = new Map<string, number>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** A record to read and to write within the transaction. */
  get<T>(id: string): Fields<T, void> {
    let draft = this.#drafts.get(id)
    if (!draft) this.#drafts.set(id, (draft = new Draft(this.#engine, id, this.#versions)))
    return new Fields(id, draft)
  }

  get records(): readonly Registers<Write>[] {
    return [...this.#drafts]
      .map(([record, { writes }]) => ({ record, registers: writes }))
      .filter(({ registers }) => registers.length > 0)
  }

  get conditions(): readonly (readonly [record: string, version: number])[] {
    return [...this.#versions]
  }
}
