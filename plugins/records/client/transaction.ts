import { AnywireError } from '../../../lib/errors.ts'
import { ERR_OPTION } from '../../../lib/failures.ts'
import { Edit } from '../core/edit.ts'
import type { Registers } from '../core/frame.ts'
import { resolve } from '../core/increment.ts'
import { RecordState } from '../core/record-state.ts'
import type { Write } from '../core/register.ts'
import type { Engine, WriteOptions } from './engine.ts'
import type { AnyRecord } from './types.ts'
import { Fields } from './fields.ts'

/** What is written together: all of it, or nothing. */
export interface Transaction {
  readonly records: readonly Registers<Write>[]
  readonly conditions: NonNullable<WriteOptions['conditions']>
}

/** @param act - reads and writes the records that it gets; each with what was written to it so far */
export const transact = (
  engine: Engine,
  act: (get: (id: string) => Fields<AnyRecord, void>) => unknown
): Transaction => {
  const drafts = new Map<string, Fields<AnyRecord, void>>()
  const written = new Map<string, Write[]>()
  const conditions = new Map<string, number>()
  const draft = (id: string): Fields<AnyRecord, void> => {
    const state = engine.state(id)?.copy() ?? new RecordState()
    const writes: Write[] = []
    written.set(id, writes)
    return new Fields(id, {
      look: () => (engine.visible(id, state) ? state.view() : undefined),
      edit(act, { ifVersion } = {}) {
        // Each edit has a stamp of its own, so that a later one wins.
        const edit = new Edit(state, engine.tick(), engine.limits.maxValue)
        act(edit)
        if (ifVersion !== undefined) conditions.set(id, ifVersion)
        for (const write of edit.writes) state.merge(resolve(state, write))
        writes.push(...edit.writes)
      }
    })
  }
  const result = act(id => {
    const fields = drafts.get(id) ?? draft(id)
    drafts.set(id, fields)
    return fields
  })
  // What it writes later would be in nothing.
  if (result instanceof Promise) {
    result.catch(() => {})
    throw new AnywireError(ERR_OPTION, 'a transaction must not be asynchronous')
  }
  const all = [...written].map(([record, registers]) => ({ record, registers }))
  // Conditions are for what is written: that may be nothing.
  const isWritten = all.some(({ registers }) => registers.length)
  return {
    records: all.filter(({ record, registers }) => registers.length || (isWritten && conditions.has(record))),
    conditions: [...conditions]
  }
}
