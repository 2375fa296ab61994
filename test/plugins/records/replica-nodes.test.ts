import assert from 'node:assert/strict'
import { useFakeTimers } from 'sinon'
import type { SinonFakeTimers } from 'sinon'
import { memory, MemoryDisk } from '../../../stores/memory.ts'
import { increment, object, Stage, START, turn } from '../../support/replica.ts'
import { FakeBrowser } from '../../support/tabs.ts'

describe('records: a replica and its nodes', () => {
  let clock: SinonFakeTimers
  beforeEach(() => {
    clock = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldClearNativeTimers: true })
  })
  afterEach(() => clock.restore())

  const refusal = (node: string, number = 1) => ({ node, number, record: '', code: 'ERR_NODE', hint: '' })

  /** The first write of each waits. */
  const waiting = (nodes: readonly string[]) => nodes.map(node => [node, 1])

  const helloOf = async (stage: Stage) => {
    stage.connect()
    await turn()
    const hello = stage.take().find(frame => frame.type === 'hello')
    assert(hello)
    return hello
  }

  it('shows one secret for a storage, and each its own without one', async () => {
    const disk = new MemoryDisk()
    const secrets: string[] = []
    for (const store of [memory({ disk }), memory({ disk }), undefined, undefined]) {
      const { secret } = await helloOf(new Stage(store && { store }))
      assert.match(secret, /^[\w-]{22}$/)
      secrets.push(secret)
    }
    const [first, second, ...others] = secrets
    assert.equal(first, second)
    assert.equal(new Set([first, ...others]).size, 3)
    const browser = new FakeBrowser()
    const tabs = await Promise.all(
      [0, 1].map(() => {
        const { store, tabs } = browser.tab()
        return helloOf(new Stage({ store, tabs }))
      })
    )
    assert.equal(tabs[0]?.secret, tabs[1]?.secret)
  })

  it('asks about nodes of which something waits, and no others', async () => {
    const disk = new MemoryDisk()
    const nodes: string[] = []
    for (let start = 0; start < 2; start++) {
      const stage = new Stage({ store: memory({ disk }) }, START + start)
      const write = stage.set('a/1', 'x', start)
      await write.stored
      nodes.push(write.node)
    }
    const last = new Stage({ store: memory({ disk }) })
    assert.deepEqual((await helloOf(last)).nodes, waiting(nodes))
    last.replica.disconnected()
    const own = last.set('a/1', 'x', 3)
    await own.stored
    assert.deepEqual((await helloOf(last)).nodes, waiting([...nodes, own.node]))
    assert.deepEqual((await helloOf(new Stage())).nodes, [])
  })

  it('does not count twice what a former process counted, and heard nothing of', async () => {
    const disk = new MemoryDisk()
    const before = new Stage({ store: memory({ disk }) })
    await before.synced('a/1', [{ record: 'a/1', registers: [object('')] }])
    const write = before.write('a/1', increment('n', 1))
    await write.stored
    const after = new Stage({ store: memory({ disk }) })
    const seen: unknown[] = []
    after.replica.on('change', () => seen.push(after.replica.state('a/1')?.view('n')))
    await after.replica.follow('a/1').ready
    await helloOf(after)
    after.welcome()
    const registers = [{ path: 'n', kind: 0, value: 1, t: before.replica.tick().t, node: write.node }] as const
    after.delta({
      seq: 2,
      scopes: [{ scope: 1, outcome: 'delta' }],
      records: [{ record: 'a/1', registers }],
      acknowledged: [[write.node, 1]]
    })
    assert.deepEqual([...new Set(seen)], [1])
    assert.deepEqual(after.replica.pending, [])
  })

  for (const isKept of [false, true])
    it(`goes on under another node where its own is refused, ${isKept ? 'with a store' : 'without one'}`, async () => {
      const disk = new MemoryDisk()
      const stage = new Stage(isKept ? { store: memory({ disk }) } : {})
      await stage.open()
      const writes = [1, 2].map(value => stage.set('a/1', 'x', value))
      for (const write of writes) await write.stored
      const [{ node } = { node: '' }] = stage.takeWrites()
      stage.delta({ results: [refusal(node)] })
      await turn()
      const later = stage.set('a/1', 'x', 3)
      await later.stored
      await turn()
      const sent = stage.takeWrites()
      const other = sent[0]?.node ?? ''
      assert.notEqual(other, node)
      assert.deepEqual(
        sent.map(({ node, number, records }) => [node, number, records[0]?.registers[0]?.value]),
        [1, 2, 3].map(value => [other, value, value])
      )
      assert.equal(stage.replica.tick().node, other)
      assert.deepEqual(
        [...writes, later].map(({ node, number }) => [node, number]),
        [1, 2, 3].map(number => [other, number])
      )
      if (isKept) {
        assert.equal(disk.keys('outbox/').length, 3)
        const next = new Stage({ store: memory({ disk }) })
        await turn()
        assert.deepEqual((await helloOf(next)).nodes, waiting([other]))
      }
      stage.delta({ seq: 2, acknowledged: [[other, 3]] })
      for (const write of [...writes, later]) assert.equal(write.status, 'durable')
    })

  it('goes on under its own where that of a former process is refused', async () => {
    const disk = new MemoryDisk()
    const before = new Stage({ store: memory({ disk }) })
    const old = before.set('a/1', 'x', 1)
    await old.stored
    const after = new Stage({ store: memory({ disk }) })
    await after.open()
    const own = after.set('a/1', 'y', 1)
    await own.stored
    after.delta({ results: [refusal(old.node)] })
    await turn()
    assert.deepEqual(
      after.takeWrites().map(({ node, number, records }) => [node, number, records[0]?.registers[0]?.path]),
      [
        [own.node, 1, 'y'],
        [own.node, 2, 'x']
      ]
    )
    assert.deepEqual(
      disk.keys('outbox/').map(key => key.split('/')[1]),
      [own.node, own.node]
    )
    after.delta({ seq: 2, acknowledged: [[own.node, 2]] })
    assert.deepEqual(after.replica.pending, [])
    await turn()
    assert.deepEqual(disk.keys('outbox/'), [])
  })

  it('has other tabs show once what goes on under another node, and leave that to it', async () => {
    const browser = new FakeBrowser()
    const [first, second] = [0, 1].map(() => {
      const { store, tabs } = browser.tab()
      return new Stage({ store, tabs })
    })
    assert(first && second)
    await turn()
    await first.open()
    const write = first.write('a/1', { path: '', kind: 1, value: undefined }, increment('n', 1))
    await write.stored
    await turn()
    assert.equal(second.replica.state('a/1')?.view('n'), 1)
    first.delta({ results: [refusal(write.node)] })
    await turn()
    assert.equal(second.replica.state('a/1')?.view('n'), 1)
    const { store, tabs } = browser.tab()
    const third = new Stage({ store, tabs })
    await turn()
    assert.equal(third.replica.state('a/1')?.view('n'), 1)
    assert.deepEqual(third.replica.pending, [])
  })

  it('has another tab send what goes on under another node, when its own tab is gone', async () => {
    const browser = new FakeBrowser()
    const open = async () => {
      const { store, tabs, kill } = browser.tab()
      const stage = new Stage({ store, tabs })
      await turn()
      return { stage, kill }
    }
    const { stage: first, kill } = await open()
    const { stage: second } = await open()
    await first.open()
    const write = first.set('a/1', 'x', 1)
    await write.stored
    const { node: refused } = write
    first.delta({ results: [refusal(refused)] })
    await write.stored
    await turn()
    assert.notEqual(write.node, refused)
    await second.open()
    assert.deepEqual([second.takeWrites(), second.replica.pending], [[], []])
    kill()
    await turn()
    assert.deepEqual(
      second.takeWrites().map(({ node, number, records }) => [node, number, records[0]?.registers[0]?.path]),
      [[write.node, 1, 'x']]
    )
    second.delta({ seq: 2, acknowledged: [[write.node, 1]] })
    await turn()
    assert.deepEqual(await browser.store.entries('outbox/'), [])
  })
})
