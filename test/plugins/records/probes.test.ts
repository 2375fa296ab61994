import assert from 'node:assert/strict'
import { Clock } from '../../../plugins/records/core/clock.ts'
import { encodeFrame } from '../../support/records-codec.ts'
import { digestOf } from '../../../plugins/records/core/digest.ts'
import { Edit } from '../../../plugins/records/core/edit.ts'
import { RecordState } from '../../../plugins/records/core/record-state.ts'
import { INCREMENT } from '../../../plugins/records/core/register.ts'
import type { Register, Write } from '../../../plugins/records/core/register.ts'
import { MemoryDisk } from '../../../stores/memory.ts'
import { copiedDisk } from '../../support/copied-disk.ts'
import { RecordsWorld } from '../../support/records-world.ts'

const TEN = Date.UTC(2030, 0, 1, 10)
const MINUTE = 60_000

const isRegister = (write: Write): write is Register => write.kind !== INCREMENT

/** Somebody with a record and a clock of its own. */
class Author {
  readonly state = new RecordState()
  readonly #clock: Clock
  now = TEN

  constructor(node: string) {
    this.#clock = new Clock(node, () => this.now)
  }

  edit(act: (edit: Edit) => unknown): this {
    const edit = new Edit(this.state, this.#clock.tick(), 10_000)
    act(edit)
    for (const write of edit.writes) if (isRegister(write)) this.state.merge(write)
    return this
  }

  hear(other: Author): this {
    for (const register of other.state.registers()) {
      this.#clock.saw(register.t)
      this.state.merge(register)
    }
    return this
  }
}

type Board = Record<string, number>

/** Both hear of each other; what both see then. */
const meet = (one: Author, other: Author): unknown => {
  one.hear(other)
  other.hear(one)
  assert.equal(JSON.stringify(one.state.view()), JSON.stringify(other.state.view()))
  assert.equal(digestOf(one.state), digestOf(other.state))
  return one.state.view()
}

/** What other libraries were seen to do wrong with the same input. */
describe('records: probes', () => {
  it('the later write wins, however many edits its author made before', () => {
    const [busy, other] = [new Author('busy'), new Author('other')]
    for (let count = 0; count < 100; count++) busy.edit(edit => edit.set('y', count))
    busy.edit(edit => edit.set('x', 'OLD'))
    other.now += 60 * MINUTE
    other.edit(edit => edit.set('x', 'NEW'))
    assert.deepEqual(meet(busy, other), { x: 'NEW', y: 99 })
  })

  for (const path of ['address', 'user.address', 'a.b.c.d.address']) {
    it(`two who make ${path} at once both have their fields in it`, () => {
      const [one, other] = [new Author('one'), new Author('other')]
      one.edit(edit => edit.set(path, { city: 'Rome' }))
      other.edit(edit => edit.set(`${path}.zip`, '00100'))
      meet(one, other)
      assert.deepEqual(one.state.view(path), { city: 'Rome', zip: '00100' })
    })
  }

  it('a record that was deleted stays deleted for a late edit, or comes back with it alone', () => {
    const [one, other] = [new Author('one'), new Author('other')]
    one.edit(edit => edit.replace('', { a: 1, b: 1 }))
    other.hear(one)
    one.edit(edit => edit.delete(''))
    other.now += 60 * MINUTE
    other.edit(edit => edit.set('b', 2))
    // 'implicit' goes by the view, 'strict' by whether it is made.
    assert.deepEqual(meet(one, other), { b: 2 })
    assert.equal(one.state.isMade, false)
    one.now += 90 * MINUTE
    one.edit(edit => edit.replace('', { c: 3 }))
    assert.deepEqual(meet(one, other), { c: 3 })
    assert.ok(other.state.isMade)
  })

  it('two with the id of one storage agree, whatever they write at the same time', () => {
    const acts: ((edit: Edit) => unknown)[] = [
      edit => edit.set('a', 1),
      edit => edit.set('a', 'one'),
      edit => edit.set('a', [1]),
      edit => edit.set('a', { b: 1 }),
      edit => edit.replace('a', { c: 1 }),
      edit => edit.delete('a'),
      edit => edit.replace('', { a: 2 }),
      edit => edit.delete('')
    ]
    for (const act of acts) {
      for (const otherAct of acts) meet(new Author('clone').edit(act), new Author('clone').edit(otherAct))
    }
  })

  it('two storages with one id, as copied ones have, come to see the same, and lose nothing', async () => {
    const world = new RecordsWorld()
    await world.start()
    try {
      const disk = new MemoryDisk()
      const original = world.client({ disk })
      const board = original.record<Board>('board')
      await world.join(original)
      const first = board.set('first', 1)
      await world.settle()
      original.leave()
      const both = [first, board.set('waits', 1), board.increment('n')]
      await world.settle()
      const copy = world.client({ disk: copiedDisk(disk) })
      const other = copy.record<Board>('board')
      await world.settle()
      assert.deepEqual(other.get(), { first: 1, waits: 1, n: 1 })
      // Both live on, and number what they write.
      const writes = [0, 1, 2].flatMap(at => [
        board.set(`original${at}`, at),
        other.set(`copy${at}`, at),
        board.increment('n'),
        other.increment('n')
      ])
      await world.join(original, copy)
      for (const write of [...both, ...writes]) await write.durable
      await world.settle()
      const right = { copy0: 0, copy1: 1, copy2: 2, first: 1, n: 7, original0: 0, original1: 1, original2: 2, waits: 1 }
      assert.deepEqual(board.get(), right)
      assert.deepEqual(other.get(), right)
      assert.deepEqual([...original.records.pending, ...copy.records.pending], [])
    } finally {
      await world.end()
    }
  })

  it('overwriting leaves nothing behind', () => {
    const [one, other] = [new Author('one'), new Author('other')]
    for (let count = 0; count < 20_000; count++) {
      const author = count % 2 ? one : other
      author.now = TEN + count
      author.edit(edit => edit.set(`cell${count % 10}`, count))
    }
    meet(one, other)
    const records = [{ record: 'cells', registers: one.state.registers() }]
    const rest = { scopes: [], evicted: [], denied: [], acknowledged: [], results: [], digests: [] }
    const bytes = encodeFrame({ type: 'delta', seq: 1, more: false, records, versions: [1], whole: [true], ...rest })
    assert.ok(bytes.length <= 200, `${bytes.length}`)
  })
})
