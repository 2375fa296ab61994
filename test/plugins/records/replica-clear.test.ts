import assert from 'node:assert/strict'
import { history } from '../../../plugins/records/client/history.ts'
import { Records } from '../../../plugins/records/client/surface.ts'
import { leaf, object, Stage, turn } from '../../support/replica.ts'
import { BrowserWorld } from '../../support/tabs.ts'

describe('records: what a device keeps is cleared', () => {
  const world = new BrowserWorld()

  const open = async (options: ConstructorParameters<typeof Stage>[0] = {}) => {
    const { store, tabs, kill, deafen } = world.browser.tab()
    const stage = new Stage({ store, tabs, schema: { id: 'app', version: 1 }, ...options })
    const told: string[] = []
    stage.replica.on('cleared', () => told.push('cleared'))
    stage.replica.on('blocked', () => told.push('blocked'))
    stage.replica.on('rejected', ({ code }) => told.push(code))
    await turn()
    return Object.assign(stage, { kill, deafen, told })
  }

  /** With something of the server, and something that waits. */
  const used = async (options?: Parameters<typeof open>[0]) => {
    const stage = await open(options)
    await stage.synced('a/1', [{ record: 'a/1', registers: [object(''), leaf('x', 1)] }])
    const write = stage.set('a/1', 'y', 2)
    await write.stored
    return { stage, write }
  }

  const left = async (): Promise<unknown[]> => [
    ...(await world.browser.store.rows([{ prefix: '' }])),
    ...(await world.browser.store.entries(''))
  ]

  it('with all that waits, and the secret', async () => {
    const { stage, write } = await used()
    const changed: unknown[] = []
    stage.replica.on('change', ids => changed.push(ids))
    const { durable } = write
    const { node } = stage.replica.outbox.own
    const clearing = stage.replica.clear()
    assert.deepEqual([stage.view('a/1'), stage.replica.pending, changed.at(-1)], [undefined, [], ['a/1']])
    await assert.rejects(durable, { code: 'ERR_CANCELLED' })
    assert.equal(write.status, 'refused')
    await clearing
    assert.deepEqual(await left(), [])
    assert.deepEqual(stage.told, ['ERR_CANCELLED', 'cleared'])
    assert.notEqual(stage.replica.outbox.own.node, node)
    await assert.rejects(stage.set('a/1', 'z', 3).durable, { code: 'ERR_CLOSED' })
    stage.connect()
    await turn()
    stage.take()
    assert.deepEqual(await left(), [])
  })

  it('before the tab that clears is told, so that whoever opens it anew then finds nothing', async () => {
    const { stage: first } = await used()
    const { stage: second } = await used()
    const found: unknown[] = []
    for (const { replica } of [first, second])
      replica.on('cleared', async () => {
        if (replica === first.replica) found.push(...(await left()))
        replica.ended()
        replica.opened()
      })
    await first.replica.clear()
    await turn()
    assert.deepEqual(found, [])
    for (const stage of [first, second])
      assert.deepEqual([stage.view('a/1'), stage.replica.pending, stage.told.at(-1)], [undefined, [], 'cleared'])
  })

  it('also where it is ended meanwhile', async () => {
    const { stage } = await used()
    const clearing = stage.replica.clear()
    stage.replica.ended()
    await clearing
    assert.deepEqual(await left(), [])
  })

  it('in all tabs, and whatever they were about to keep', async () => {
    const { stage: first } = await used()
    const { stage: second, write } = await used()
    second.set('a/1', 'z', 3)
    second.delta({ seq: 2, records: [{ record: 'a/1', registers: [leaf('x', 2, 1)] }] })
    const { durable } = write
    await first.replica.clear()
    assert.deepEqual(await left(), [])
    assert.deepEqual([second.view('a/1'), second.replica.pending], [undefined, []])
    await assert.rejects(durable, { code: 'ERR_CANCELLED' })
    assert.deepEqual(second.told, ['ERR_CANCELLED', 'ERR_CANCELLED', 'cleared'])
    await turn()
    assert.deepEqual(await left(), [])
  })

  it('waits for a tab that does not let go, and tells', async () => {
    const { stage: first } = await used()
    const second = await open()
    second.deafen()
    let isDone = false
    const clearing = first.replica.clear().then(() => (isDone = true))
    await turn()
    await world.pass(2_000)
    await turn()
    assert.deepEqual([isDone, first.told.at(-1), (await left()).length > 0], [false, 'blocked', true])
    second.kill()
    await clearing
    assert.deepEqual(await left(), [])
  })

  it('begins anew when it is opened again: as another device, with nothing', async () => {
    const { stage } = await used()
    const { secret } = stage.replica
    stage.take()
    const clearing = stage.replica.clear()
    stage.replica.opened()
    await clearing
    await turn()
    stage.connect()
    await turn()
    const [hello] = stage.take()
    assert.equal(hello?.type, 'hello')
    assert.notEqual(hello.secret, secret)
    assert.deepEqual([hello.nodes, hello.follows.map(({ name, since }) => [name, since])], [[], [['a/1', 0]]])
    stage.welcome()
    stage.delta({
      scopes: [{ scope: 1, outcome: 'reset' }],
      records: [{ record: 'a/1', registers: [object(''), leaf('x', 5)] }],
      whole: [true]
    })
    await turn()
    assert.deepEqual(stage.view('a/1'), { x: 5 })
    assert.deepEqual(
      (await world.browser.store.rows([{ prefix: '' }])).map(({ value }) => value),
      [undefined, 5]
    )
  })

  it('also when it was closed before', async () => {
    const { stage } = await used()
    await stage.replica.close()
    assert.ok((await left()).length)
    await stage.replica.clear()
    assert.deepEqual([await left(), stage.told], [[], ['ERR_CANCELLED', 'cleared']])
  })

  it('before a tab that opens meanwhile sees any of it', async () => {
    const { stage: first } = await used()
    const { secret } = first.replica
    const second = await open()
    second.deafen()
    const clearing = first.replica.clear()
    await turn()
    const late = await open()
    late.replica.follow('a/1')
    await turn()
    second.kill()
    await clearing
    await turn()
    assert.deepEqual([late.view('a/1'), late.replica.pending, late.told], [undefined, [], []])
    assert.notEqual(late.replica.secret, secret)
    assert.equal(await world.browser.store.entry('secret'), late.replica.secret)
  })

  it('while the store is being read: nothing of it comes after that', async () => {
    const { stage: before } = await used()
    await before.replica.close()
    const stage = await open()
    stage.replica.follow('a/1')
    await stage.replica.clear()
    await turn()
    assert.equal(stage.view('a/1'), undefined)
    assert.deepEqual(await left(), [])
  })

  it('or not, where the store fails, which is told; and is tried again by who asks again', async () => {
    const { stage } = await used()
    const errors: string[] = []
    stage.replica.on('error', ({ code }) => errors.push(code))
    const { store } = world.browser
    const { commit } = store
    store.commit = () => Promise.reject(new Error('the disk is full'))
    await assert.rejects(stage.replica.clear(), { message: 'the disk is full' })
    assert.deepEqual([errors.at(-1), stage.view('a/1')], ['ERR_STORE', undefined])
    assert.ok((await left()).length)
    store.commit = commit
    await stage.replica.clear()
    assert.deepEqual(await left(), [])
  })

  it('without a store: what is in memory', async () => {
    const stage = new Stage()
    await stage.synced('a/1', [{ record: 'a/1', registers: [object(''), leaf('x', 1)] }])
    const write = stage.set('a/1', 'y', 2)
    const { durable } = write
    await stage.replica.clear()
    await assert.rejects(durable, { code: 'ERR_CANCELLED' })
    assert.equal(stage.view('a/1'), undefined)
    stage.take()
    stage.connect()
    assert.deepEqual(stage.take(), [])
    stage.replica.opened()
    stage.connect()
    const [hello] = stage.take()
    assert.equal(hello?.type, 'hello')
    assert.deepEqual([hello.nodes, hello.follows.map(({ name, since }) => [name, since])], [[], [['a/1', 0]]])
  })

  it('and nothing of it can be undone', async () => {
    const stage = new Stage()
    const records = new Records(stage.replica, error => {
      throw error
    })
    const steps = history(records)
    records.get<{ readonly x: number }>('a/1').set('x', 1)
    assert.equal(steps.canUndo, true)
    await stage.replica.clear()
    assert.equal(steps.canUndo, false)
  })
})
