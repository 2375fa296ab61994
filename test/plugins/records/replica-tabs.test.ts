import assert from 'node:assert/strict'
import { browserTabs } from '../../../plugins/records/client/tabs.ts'
import { pathOf } from '../../../plugins/records/client.ts'
import type { Write } from '../../../plugins/records/client.ts'
import { indexeddb } from '../../../stores/indexeddb/client.ts'
import type { Query } from '../../../plugins/records/core/query.ts'
import { deleted, increment, leaf, object, Stage, turn } from '../../support/replica.ts'
import { BrowserWorld, FakeBrowser } from '../../support/tabs.ts'

describe('records: replicas in tabs that have one store', () => {
  const world = new BrowserWorld()

  const open = async (options: ConstructorParameters<typeof Stage>[0] = {}) => {
    const { store, tabs, kill } = world.browser.tab()
    const stage = new Stage({ store, tabs, ...options })
    await turn()
    return Object.assign(stage, { kill })
  }

  it('have a node each, and forget those of tabs that are gone', async () => {
    const first = await open()
    const second = await open()
    const nodes = [first, second].map(({ replica }) => replica.outbox.own.node)
    assert.equal(new Set(nodes).size, 2)
    first.kill()
    await turn()
    const third = await open()
    const kept = async (): Promise<string[]> =>
      (await world.browser.store.entries('node/')).map(([key]) => key.slice('node/'.length))
    const { node } = third.replica.outbox.own
    assert.deepEqual(await kept(), [nodes[1] ?? '', node].sort())
    await second.replica.close()
    const fourth = await open()
    assert.deepEqual(await kept(), [node, fourth.replica.outbox.own.node].sort())
  })

  it('show what the others wrote, and send only their own', async () => {
    const first = await open()
    await first.set('a/1', 'x', 1).stored
    const second = await open()
    assert.deepEqual(second.replica.state('a/1')?.view(), { x: 1 })
    await first.set('a/1', 'y', 2).stored
    await turn()
    assert.deepEqual(second.replica.state('a/1')?.view(), { x: 1, y: 2 })
    await second.open()
    assert.deepEqual(second.takeWrites(), [])
    assert.deepEqual(second.replica.pending, [])
  })

  it('show it until its effects are there, so that no old value comes between', async () => {
    const first = await open()
    const second = await open()
    for (const stage of [first, second])
      await stage.synced('a/1', [{ record: 'a/1', registers: [object(''), leaf('x', 1)] }])
    await first.set('a/1', 'x', 2).stored
    await turn()
    const effects = { seq: 2, records: [{ record: 'a/1', registers: [leaf('x', 2, 1)] }] }
    const acknowledged = [[first.replica.outbox.own.node, 1] as const]
    first.delta({ ...effects, acknowledged })
    await turn()
    assert.deepEqual(second.view('a/1'), { x: 2 })
    second.delta({ ...effects, acknowledged })
    assert.deepEqual(second.view('a/1'), { x: 2 })
    second.delta({ seq: 3, records: [{ record: 'a/1', registers: [leaf('x', 1, 2)] }] })
    assert.deepEqual(second.view('a/1'), { x: 1 })
  })

  it('count what others write once, whatever of it they hear first', async () => {
    const count = [{ record: 'a/1', registers: [object(''), leaf('n', 1)] }]
    const second = await open()
    await second.synced('a/1', count)
    const first = await open()
    await first.synced('a/1', count)
    const node = first.replica.outbox.own.node
    assert.deepEqual(second.take(), [{ type: 'nodes', nodes: [[node, 1]] }])
    const add = async (): Promise<void> => {
      await first.write('a/1', increment('n', 1)).stored
      await turn()
    }
    const told = (number: number): Parameters<Stage['delta']>[0] => ({
      seq: number + 1,
      records: [{ record: 'a/1', registers: [leaf('n', number + 1, number)] }],
      acknowledged: [[node, number]]
    })
    await add()
    assert.deepEqual(second.view('a/1'), { n: 1 }, 'it may be in what comes next')
    second.delta({ acknowledged: [[node, 0]] })
    assert.deepEqual(second.view('a/1'), { n: 2 })
    first.delta(told(1))
    await turn()
    assert.deepEqual(second.view('a/1'), { n: 2 })
    second.delta(told(1))
    assert.deepEqual(second.view('a/1'), { n: 2 })
    second.delta(told(2))
    await add()
    assert.deepEqual(second.view('a/1'), { n: 3 })
  })

  it('do not confirm what others were refused, nor take it from the store', async () => {
    const first = await open()
    const second = await open()
    await second.open()
    await first.set('a/1', 'x', 1).stored
    await first.set('a/1', 'y', 1).stored
    await turn()
    second.take()
    const { node } = first.replica.outbox.own
    const result = { node, number: 2, record: 'a/1', code: 'ERR_DENIED', hint: '' }
    second.delta({ acknowledged: [[node, 2]], results: [result] })
    await turn()
    assert.equal(second.replica.state('a/1'), undefined)
    assert.deepEqual(second.take(), [])
    const left = (await world.browser.store.entries('outbox/')).map(([key]) => Number(key.split('/').at(-1)))
    assert.deepEqual(left, [2])
  })

  it('undo at once what others wrote and was refused, or taken back', async () => {
    const first = await open()
    const second = await open()
    await first.open()
    const denied = first.set('a/1', 'x', 1)
    await denied.stored
    await turn()
    const { node } = first.replica.outbox.own
    const result = { node, number: 1, record: 'a/1', code: 'ERR_DENIED', hint: '' }
    const refused = assert.rejects(denied.durable, { code: 'ERR_DENIED' })
    first.delta({ seq: 1, acknowledged: [[node, 1]], results: [result] })
    await refused
    await turn()
    assert.equal(second.replica.state('a/1'), undefined)
    first.replica.disconnected()
    const write = first.set('a/1', 'x', 2)
    await write.stored
    await turn()
    assert.deepEqual(second.replica.state('a/1')?.view(), { x: 2 })
    first.replica.discard(write)
    await turn()
    assert.equal(second.replica.state('a/1'), undefined)
  })

  it('show what a tab left that died, also where the server has not said how far that was', async () => {
    const second = await open()
    await second.open()
    const first = await open()
    await first.set('a/1', 'x', 1).stored
    await turn()
    assert.deepEqual(second.replica.state('a/1')?.view(), { x: 1 })
    second.replica.disconnected()
    first.kill()
    await turn()
    assert.equal(second.replica.pending.length, 1)
    assert.deepEqual(second.replica.state('a/1')?.view(), { x: 1 })
  })

  it('send what a tab left that died', async () => {
    const first = await open()
    const second = await open()
    await second.open()
    await first.set('a/1', 'x', 1).stored
    first.kill()
    await turn()
    const [frame] = second.takeWrites()
    assert.equal(frame?.node, first.replica.outbox.own.node)
    assert.equal(second.replica.pending.length, 1)
    second.delta({ seq: 1, acknowledged: [[frame.node, 1]] })
    await turn()
    assert.deepEqual(await world.browser.store.entries('outbox/'), [])
  })

  it('never go back in the store, when one is behind the other', async () => {
    const first = await open()
    const second = await open()
    await first.synced('a/1', [{ record: 'a/1', registers: [object(''), leaf('x', 1)] }])
    await second.synced('a/', [{ record: 'a/1', registers: [object(''), leaf('x', 1)] }])
    first.delta({ seq: 9, records: [{ record: 'a/1', registers: [leaf('x', 9, 9)] }] })
    await turn()
    second.delta({
      seq: 5,
      records: [
        { record: 'a/1', registers: [leaf('x', 5, 5)] },
        { record: 'a/2', registers: [object('')] }
      ]
    })
    await turn()
    const values = (await world.browser.store.rows([{ prefix: '' }])).map(({ record, path, value }) => [
      record,
      path,
      value
    ])
    assert.deepEqual(values, [
      ['a/1', '', undefined],
      ['a/1', 'x', 9],
      ['a/2', '', undefined]
    ])
    first.kill()
    second.kill()
    await turn()
    const third = await open()
    third.replica.follow('a/1')
    third.replica.follow('b/')
    await turn()
    third.connect()
    await turn()
    const [hello] = third.take()
    assert.equal(hello?.type === 'hello' && hello.follows[0]?.since, 9)
  })

  it('never go back in the store either where one has not heard of the other', async () => {
    const { store, tabs, deafen } = world.browser.tab()
    const first = new Stage({ store, tabs })
    deafen()
    await turn()
    await first.synced('a/1', [{ record: 'a/1', registers: [object(''), leaf('x', 1)] }])
    const second = await open()
    await second.synced('a/1', [{ record: 'a/1', registers: [object(''), leaf('x', 1)] }])
    second.delta({ seq: 9, records: [{ record: 'a/1', registers: [leaf('x', 9, 9)] }] })
    await turn()
    first.delta({ seq: 5, records: [{ record: 'a/1', registers: [leaf('x', 5, 5)] }] })
    await turn()
    const rows = await world.browser.store.rows([{ record: 'a/1' }])
    assert.deepEqual(
      rows.map(({ value }) => value),
      [undefined, 9]
    )
  })

  it('let go of the store when a newer version of the application wants it', async () => {
    const schema = { id: 'app', version: 1 }
    const first = await open({ schema })
    const told: number[] = []
    first.replica.on('versionchange', version => told.push(version))
    await first.set('a/1', 'name', 'Tea').stored
    const second = await open({
      schema: { id: 'app', version: 3 },
      migrate: {
        2: (_record, write) => [write.path === 'name' ? { ...write, path: 'label' } : write],
        3: (_record, write) => [write.path === 'label' ? { ...write, path: 'title' } : write]
      }
    })
    await turn()
    assert.deepEqual(told, [3])
    assert.deepEqual(
      second.replica.pending[0]?.records[0]?.registers.map(({ path }) => path),
      ['title']
    )
    assert.deepEqual(await world.browser.store.entry('meta'), { id: 'app', version: 3 })
  })

  it('refuse what is written after that, and show nothing of it', async () => {
    const first = await open({ schema: { id: 'app', version: 1 } })
    const kept = first.set('a/1', 'x', 1)
    await kept.stored
    await open({ schema: { id: 'app', version: 2 }, migrate: { 2: (_record, write) => [write] } })
    await turn()
    await assert.rejects(first.set('a/1', 'x', 2).durable, { code: 'ERR_CLOSED' })
    assert.deepEqual(first.replica.state('a/1')?.view(), { x: 1 })
    assert.equal(first.replica.discard(kept), false)
  })

  it('have locks and a channel for each database', () => {
    const before = {
      navigator: globalThis.navigator,
      document: Object.getOwnPropertyDescriptor(globalThis, 'document')
    }
    const stub = (name: string, value: unknown): void => {
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
    }
    stub('navigator', { locks: {} })
    stub('document', {})
    try {
      const names = ['mail', 'chat', 'mail'].map(database => {
        const tabs = browserTabs(indexeddb(database).name)
        assert.ok(tabs?.channel instanceof BroadcastChannel)
        tabs.channel.close()
        return [tabs.name, tabs.channel.name]
      })
      assert.deepEqual(names[0], names[2])
      assert.equal(new Set(names.flat()).size, 2)
    } finally {
      stub('navigator', before.navigator)
      if (before.document) Object.defineProperty(globalThis, 'document', before.document)
      else Reflect.deleteProperty(globalThis, 'document')
    }
  })

  it('tell when another one does not let go, and go on when it does', async () => {
    const schema = { id: 'app', version: 1 }
    const { store, tabs, kill, deafen } = world.browser.tab()
    const deaf = new Stage({ store, tabs, schema })
    await turn()
    deafen()
    const second = await open({ schema: { id: 'app', version: 2 } })
    let blocked = 0
    second.replica.on('blocked', () => blocked++)
    const following = second.replica.follow('a/')
    await world.pass(2_000)
    assert.equal(blocked, 1)
    assert.equal(following.state, 'loading')
    assert.ok(deaf.replica.outbox.own.node)
    kill()
    await turn()
    assert.deepEqual(await world.browser.store.entry('meta'), { id: 'app', version: 2 })
    assert.ok(second.replica.outbox.own.node)
  })
})

describe('records: a tab that is opened', () => {
  it('does not show what another one was refused meanwhile', async () => {
    const browser = new FakeBrowser()
    const first = new Stage(browser.tab())
    await turn()
    await first.open()
    const denied = first.set('a/1', 'x', 'refused')
    await denied.stored
    await turn()
    const { store, tabs } = browser.tab()
    let goOn = (): void => {}
    const held = new Promise<void>(resolve => (goOn = resolve))
    const entries = async (prefix: string) => {
      const found = await store.entries(prefix)
      if (prefix === 'cursor/') await held
      return found
    }
    const second = new Stage({ store: { ...store, entries }, tabs })
    await turn()
    const { node } = first.replica.outbox.own
    const result = { node, number: 1, record: 'a/1', code: 'ERR_DENIED', hint: '' }
    const refused = assert.rejects(denied.durable, { code: 'ERR_DENIED' })
    first.delta({ seq: 1, acknowledged: [[node, 1]], results: [result] })
    await refused
    await turn()
    goOn()
    await turn()
    assert.deepEqual([first.view('a/1'), second.replica.state('a/1')?.view()], [undefined, undefined])
  })
})

describe('records: tabs that follow different things of one collection', () => {
  const world = new BrowserWorld()

  const record = (id: string, x: number, n = 0) => ({ record: id, registers: [object(''), leaf('x', x, n)] })
  const reset = { scopes: [{ scope: 1, outcome: 'reset' as const }], whole: [true] }

  /** A tab that follows something, with a connection. */
  const open = async (name: string, query?: Query) => {
    const { store, tabs, kill } = world.browser.tab()
    const stage = new Stage({ store, tabs })
    await turn()
    stage.replica.follow(name, query)
    await turn()
    await stage.open()
    return Object.assign(stage, { kill })
  }

  const settled = async (): Promise<void> => {
    await world.pass(2_000)
    await turn()
  }

  /** What a device shows that is started anew, without a link. */
  const shows = async (name: string): Promise<unknown> => {
    const { store, tabs } = world.browser.tab()
    const { replica } = new Stage({ store, tabs })
    const following = replica.follow(name)
    await following.ready
    assert.equal(following.state, 'local')
    return Object.fromEntries([...replica.ids(name)].map(id => [id, replica.look(id)]))
  }

  it('leave each other what only one of them lets go of', async () => {
    const one = await open('a/1')
    const two = await open('a/', { order: ['-x'], limit: 1 })
    for (const tab of [one, two]) {
      tab.delta({ seq: 5, ...reset, records: [record('a/1', 1)] })
      await settled()
    }
    // The record is none of the query any more; whoever follows it by itself is told nothing.
    two.delta({ seq: 6, evicted: ['a/1'], records: [record('a/9', 9, 1)], whole: [true] })
    await settled()
    one.kill()
    two.kill()
    assert.deepEqual(await shows('a/1'), { 'a/1': { x: 1 } })
  })

  it('leave in the store what was made anew since one of them let go of what was deleted', async () => {
    const zero = await open('a/1')
    const old = [{ record: 'a/1', registers: [deleted('', -31 * 86_400_000)] }]
    zero.delta({ seq: 1, ...reset, records: old })
    await zero.replica.close()
    const one = await open('b/1')
    const following = one.replica.follow('a/1')
    await turn()
    one.replica.unfollow(following)
    await settled()
    const two = await open('a/1')
    two.delta({ seq: 5, ...reset, records: [record('a/1', 1)] })
    await settled()
    two.kill()
    one.delta({ seq: 9, ...reset, records: [record('b/1', 1)] })
    await settled()
    one.kill()
    assert.deepEqual(await shows('a/1'), { 'a/1': { x: 1 } })
  })

  it('keep what the query of another one does not have', async () => {
    const one = await open('a/')
    const two = await open('a/', { where: [['x', '=', 1]] })
    for (const tab of [one, two]) {
      tab.delta({ seq: 5, ...reset, records: [record('a/1', 1)] })
      await settled()
    }
    const change = { record: 'a/1', registers: [leaf('y', 7, 2)] }
    two.delta({ seq: 7, records: [change] })
    await settled()
    const before = { record: 'a/1', registers: [leaf('y', 6, 1)] }
    one.delta({ seq: 6, records: [record('a/2', 2, 1), before], whole: [true] })
    await settled()
    one.kill()
    two.kill()
    assert.deepEqual(await shows('a/'), { 'a/1': { x: 1, y: 7 }, 'a/2': { x: 2 } })
  })

  it('take nothing back to what it was before, whichever of them was told last that it follows it', async () => {
    const one = await open('a/1')
    const two = await open('a/1')
    for (const tab of [one, two]) {
      tab.delta({ seq: 1, ...reset, records: [record('a/1', 1)] })
      await settled()
    }
    one.delta({ seq: 5, records: [{ record: 'a/1', registers: [leaf('x', 5, 5)] }] })
    await settled()
    two.delta({ seq: 3, records: [{ record: 'a/1', registers: [leaf('x', 3, 3), leaf('y', 3, 3)] }] })
    await settled()
    one.kill()
    two.kill()
    assert.deepEqual(await shows('a/1'), { 'a/1': { x: 5, y: 3 } })
  })

  it('have what both follow as far as the one that is ahead, when that takes something away', async () => {
    const one = await open('a/')
    const two = await open('a/')
    for (const tab of [one, two]) {
      tab.delta({ seq: 5, ...reset, records: [record('a/1', 1), record('a/2', 2)], whole: [true, true] })
      await settled()
    }
    two.delta({ seq: 6, evicted: ['a/1'] })
    await settled()
    one.kill()
    two.kill()
    assert.deepEqual(await shows('a/'), { 'a/2': { x: 2 } })
  })
})

describe('records: versions of the schema in a store', () => {
  const migrate = { 2: () => [] }

  it('are migrated in one commit, what was committed as what waits', async () => {
    const browser = new FakeBrowser()
    const first = browser.tab()
    const before = new Stage({ ...first, schema: { id: 'app', version: 1 } })
    await before.synced('a/', [{ record: 'a/1', registers: [object(''), leaf('name', 'Tea'), leaf('old', 1)] }])
    await before.set('a/1', 'name', 'Mint').stored
    first.kill()
    const after = new Stage({
      ...browser.tab(),
      schema: { id: 'app', version: 2 },
      migrate: {
        2: (_record, write) =>
          write.path === 'old' ? [] : [write.path === 'name' ? { ...write, path: 'title' } : write]
      }
    })
    await after.replica.follow('a/').ready
    assert.deepEqual(after.view('a/1'), { title: 'Mint' })
    assert.deepEqual(
      (await browser.store.rows([{ prefix: '' }])).map(({ path }) => path),
      ['', 'title']
    )
  })

  it('may make several fields of one', async () => {
    const browser = new FakeBrowser()
    const first = browser.tab()
    const before = new Stage({ ...first, schema: { id: 'app', version: 1 } })
    await before.synced('a/', [{ record: 'a/1', registers: [object(''), leaf('tags', ['red', 'a.b'])] }])
    await before.set('a/1', 'tags', ['blue']).stored
    first.kill()
    /** The one of the documentation. */
    const toSet = (_record: string, write: Write): readonly Write[] => {
      if (write.path !== 'tags' || !Array.isArray(write.value)) return [write]
      const field = (tag: unknown): Write => ({ ...write, path: pathOf(['tags', JSON.stringify(tag)]), value: true })
      return [{ ...write, kind: 1, value: undefined }, ...write.value.map(field)]
    }
    const after = new Stage({ ...browser.tab(), schema: { id: 'app', version: 2 }, migrate: { 2: toSet } })
    await after.replica.follow('a/').ready
    assert.deepEqual(after.view('a/1'), { tags: { '"blue"': true } })
    assert.deepEqual(
      after.replica.pending.flatMap(({ records }) =>
        records.flatMap(({ registers }) => registers.map(({ path }) => path))
      ),
      ['tags', 'tags."blue"']
    )
  })

  it('without migrations are taken as they are, and are of the newer version then', async () => {
    const browser = new FakeBrowser()
    const first = browser.tab()
    const before = new Stage({ ...first, schema: { id: 'app', version: 1 } })
    await before.synced('a/', [{ record: 'a/1', registers: [object(''), leaf('name', 'Tea')] }])
    await before.set('a/1', 'name', 'Mint').stored
    first.kill()
    const after = new Stage({ ...browser.tab(), schema: { id: 'app', version: 2 } })
    await after.replica.follow('a/').ready
    assert.deepEqual(after.view('a/1'), { name: 'Mint' })
    assert.deepEqual(await browser.store.entry('meta'), { id: 'app', version: 2 })
  })

  it('that are newer are left alone', async () => {
    const browser = new FakeBrowser()
    const first = browser.tab()
    const before = new Stage({ ...first, schema: { id: 'app', version: 2 } })
    await before.synced('a/', [{ record: 'a/1', registers: [object('')] }])
    await turn()
    first.kill()
    const after = new Stage({ ...browser.tab(), schema: { id: 'app', version: 1 }, migrate })
    const errors: string[] = []
    after.replica.on('error', ({ code }) => errors.push(code))
    const rejected: string[] = []
    after.replica.on('rejected', ({ code }) => rejected.push(code))
    const following = after.replica.follow('a/')
    const written = after.set('a/2', 'x', 0)
    after.connect()
    await assert.rejects(following.ready, { code: 'ERR_SCHEMA' })
    await turn()
    assert.deepEqual(errors, ['ERR_SCHEMA'])
    assert.deepEqual(after.take(), [])
    assert.equal(after.view('a/1'), undefined)
    assert.equal(following.state, 'refused')
    const later = after.replica.follow('a/1')
    await assert.rejects(later.ready, { code: 'ERR_SCHEMA' })
    assert.equal(later.state, 'refused')
    for (const early of [written, after.set('a/2', 'x', 1)]) {
      await assert.rejects(early.stored, { code: 'ERR_SCHEMA' })
      await assert.rejects(early.durable, { code: 'ERR_SCHEMA' })
    }
    assert.deepEqual(rejected, ['ERR_SCHEMA', 'ERR_SCHEMA'])
    assert.equal(after.view('a/2'), undefined)
    assert.deepEqual(after.replica.pending, [])
  })
})
