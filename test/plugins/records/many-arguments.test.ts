import assert from 'node:assert/strict'
import type { Result } from '../../../plugins/records/core/frame.ts'
import { makeNode } from '../../../plugins/records/client/kept.ts'
import { Outbox, Queue } from '../../../plugins/records/client/outbox.ts'
import { Batch } from '../../../plugins/records/server/batch.ts'
import type { Decided } from '../../../plugins/records/server/batch.ts'
import type { Author } from '../../../plugins/records/server/intake.ts'
import { CachedRecord } from '../../../plugins/records/server/record-cache.ts'
import { lasting } from '../../../plugins/records/server/trials.ts'
import { Writer } from '../../../plugins/records/server/writer.ts'
import { at } from '../../support/authority.ts'

/** More than a call takes arguments; options allow any number. */
const MANY = 210_000

const decided = (writer: Writer, number: number, results: readonly Result[]): Decided => {
  const author: Author = {
    peer: undefined,
    round: 0,
    turnOf: () => undefined,
    free: () => {},
    fail: () => {},
    owe: () => {}
  }
  const frame = { type: 'write', node: writer.node, number, atomic: false, conditions: [], records: [] } as const
  return { writer, number, results, accepted: [], incoming: { frame, author, size: 1 }, done: () => {} }
}

const many = <T>(make: (index: number) => T): T[] => Array.from({ length: MANY }, (_, index) => make(index))

describe('records: as many as somebody allows', function () {
  this.timeout(60_000)

  it('fields are written at once, and then added to', () => {
    const writes = [...many(index => at(0, 'ann').set(`f${index}`, 1)), at(1, 'ann').add('f0', 1)]
    assert.equal(lasting(writes).length, MANY + 1)
  })

  it('fields of a record are committed together', () => {
    const [record, batch] = [new CachedRecord('a'), new Batch(1)]
    for (const path of record.write(
      many(index => at(0, 'ann').set(`f${index}`, 1)),
      1
    ))
      batch.touch(record, path)
    assert.equal(batch.seal(0).rows.length, MANY)
  })

  it('records of one write are refused, behind another write', () => {
    const [writer, batch] = [new Writer('ann'), new Batch(1)]
    const results = (number: number): Result[] =>
      many(index => ({ node: 'ann', number, record: `r/${index}`, code: 'ERR_DENIED', hint: '' }))
    for (const number of [1, 2]) batch.settle(decided(writer, number, results(number)))
    assert.equal(batch.writers.get(writer)?.results.length, 2 * MANY)
  })

  it('queues of processes that are gone are adopted', () => {
    const outbox = new Outbox(makeNode())
    outbox.adopt(many(index => new Queue(`n${index}`)))
    outbox.add([], {}, undefined)
    assert.deepEqual([outbox.queues.length, outbox.queues.at(-1) === outbox.own], [MANY + 1, true])
    assert.deepEqual([outbox.entries.length, outbox.pending.length], [1, 1])
  })
})
