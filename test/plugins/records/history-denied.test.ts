import assert from 'node:assert/strict'
import { history } from '../../../plugins/records/client/history.ts'
import { Records } from '../../../plugins/records/client/surface.ts'
import { Theirs } from '../../../plugins/records/client/theirs.ts'
import { stamp, Stage, turn } from '../../support/replica.ts'

interface Letter {
  readonly text: string
}

describe('records: undo of what this client may write, and not read', () => {
  it('says nothing of it, but to who follows it', async () => {
    const stage = new Stage()
    const refused: string[] = []
    const records = new Records<{ 'letters/': Letter }>(stage.replica, assert.fail)
    stage.replica.on('refused', ({ code }, name) => refused.push(`${code} ${name}`))
    await stage.open()
    const deny = async (): Promise<void> => {
      await turn()
      const frames = stage.take().flatMap(frame => (frame.type === 'follow' ? frame.follows : []))
      assert.ok(frames.length > 0)
      stage.delta({ scopes: frames.map(({ scope }) => ({ scope, outcome: 'ERR_DENIED' })) })
      await turn()
    }
    const steps = history(records)
    records.transaction(({ get }) => get('letters/1').replace({ text: 'Dear' }))
    await deny()
    assert.deepEqual(refused, [])
    assert.ok(steps.undo()?.write)
    await deny()
    assert.deepEqual(refused, [])
    records.transaction(({ get }) => get('letters/1').set('text', 'Hello'))
    const letter = records.get('letters/1')
    await deny()
    assert.deepEqual(refused, ['ERR_DENIED letters/1'])
    letter.release()
    steps.clear()
    await stage.replica.close()
  })

  it('remembers of others only what the steps that there are may meet', () => {
    const theirs = new Theirs()
    const early = stamp(0)
    for (const path of ['a', 'b.c', 'd']) theirs.add('notes/1', path, stamp(1))
    theirs.add('notes/2', 'a', stamp(3))
    theirs.add('notes/2', 'a', stamp(1))
    assert.ok(!theirs.hides('notes/2', 'a', stamp(2)))
    assert.ok(theirs.hides('notes/1', 'b', early))
    assert.ok(!theirs.hides('notes/1', 'b', stamp(2)))
    assert.ok(!theirs.hides('notes/3', 'b', early))
    theirs.keep([
      { record: 'notes/1', path: 'b' },
      { record: 'notes/1', path: 'a.x' },
      { record: 'notes/3', path: 'd' }
    ])
    const left = ['a', 'b', 'd'].filter(path => theirs.hides('notes/1', path, early))
    assert.deepEqual([left, theirs.hides('notes/2', 'a', early)], [['a', 'b'], false])
  })
})
