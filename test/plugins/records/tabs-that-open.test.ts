import assert from 'node:assert/strict'
import type { Store } from '../../../lib/store.ts'
import type { Channel } from '../../../plugins/records/client/tabs.ts'
import { collectGarbage } from '../../support/garbage.ts'
import { increment, leaf, object, Stage, turn } from '../../support/replica.ts'
import { BrowserWorld } from '../../support/tabs.ts'

describe('records: tabs that open, and end, while others do', () => {
  const world = new BrowserWorld()

  /** @param change - what the store of the tab does otherwise */
  const open = async (
    options: ConstructorParameters<typeof Stage>[0] = {},
    change: (store: Store) => Partial<Store> = () => ({})
  ) => {
    const { store, tabs, kill, deafen } = world.browser.tab()
    const stage = new Stage({ store: { ...store, ...change(store) }, tabs, ...options })
    const told: string[] = []
    stage.replica.on('blocked', () => told.push('blocked'))
    stage.replica.on('error', ({ code }) => told.push(code))
    await turn()
    return Object.assign(stage, { kill, deafen, told })
  }

  /** Reads entries as another one does, but the first time that they begin so. */
  const once = (beginning: string, first: () => Promise<void>) => {
    let isFirst = true
    return (store: Store): Partial<Store> => ({
      entries: async prefix => {
        const found = await store.entries(prefix)
        if (prefix.startsWith(beginning) && isFirst) {
          isFirst = false
          await first()
        }
        return found
      }
    })
  }

  const fail = (): Promise<void> => Promise.reject(new Error('not now'))

  it('hold nothing that they asked for before they ended', async () => {
    let go = (): void => {}
    const first = await open({}, store => ({
      open: async () => {
        await new Promise<void>(resolve => (go = resolve))
        await store.open()
      }
    }))
    await first.replica.close()
    go()
    await turn()
    const second = await open()
    await second.replica.clear()
    assert.deepEqual([first.told, second.told], [[], []])
  })

  it('speak for those that are gone, also where reading what they left fails at first', async () => {
    const first = await open()
    await first.set('a/1', 'x', 1).stored
    first.kill()
    await turn()
    const second = await open({ retryDelay: 10 }, once('cursor/', fail))
    await world.pass(100)
    assert.deepEqual(
      second.replica.pending.map(({ node }) => node),
      [first.replica.outbox.own.node]
    )
    assert.deepEqual(second.told, ['ERR_STORE'])
  })

  it('speak for one that dies, also where reading what it left fails at first', async () => {
    const first = await open()
    let isBroken = false
    const second = await open({ retryDelay: 10 }, store => ({
      entries: async prefix => {
        if (isBroken && prefix.startsWith('outbox/')) await fail()
        return store.entries(prefix)
      }
    }))
    await second.open()
    await first.set('a/1', 'x', 1).stored
    isBroken = true
    first.kill()
    await turn()
    assert.deepEqual([second.takeWrites(), second.told], [[], ['ERR_STORE']])
    isBroken = false
    await world.pass(100)
    assert.equal(second.takeWrites().length, 1)
  })

  it('tell that they wait for another one that waits itself', async () => {
    const schema = (version: number) => ({ schema: { id: 'app', version } })
    const frozen = await open(schema(1))
    frozen.deafen()
    const second = await open(schema(2))
    const third = await open(schema(2))
    await world.pass(10_000)
    assert.deepEqual([second.told, third.told], [['blocked'], ['blocked']])
    frozen.kill()
    await turn()
    await third.set('a/1', 'x', 1).stored
  })

  it('tell nothing of that any more once they have ended', async () => {
    const schema = (version: number) => ({ schema: { id: 'app', version } })
    const frozen = await open(schema(1))
    frozen.deafen()
    const stages = [await open(schema(2)), await open(schema(2))]
    await world.pass(1_000)
    for (const { replica } of stages) await replica.close()
    await world.pass(500)
    frozen.kill()
    await world.pass(10_000)
    assert.deepEqual(
      stages.map(({ told }) => told),
      [[], []]
    )
  })

  it('count nothing twice of what others keep while they read', async () => {
    let go = (): void => {}
    const reading = new Promise<void>(resolve => (go = resolve))
    const first = await open({}, store => ({
      rows: async (...range) => {
        await reading
        return store.rows(...range)
      }
    }))
    first.replica.follow('a/1')
    await turn()
    await first.write('a/1', increment('n', 1)).stored
    const second = await open()
    second.replica.follow('a/1')
    await second.open()
    second.delta({
      scopes: [{ scope: 1, outcome: 'reset' }],
      records: [{ record: 'a/1', registers: [object(''), leaf('n', 1)] }],
      whole: [true],
      acknowledged: [[first.replica.outbox.own.node, 1]]
    })
    await turn()
    go()
    await turn()
    assert.deepEqual(
      [first, second].map(stage => stage.view('a/1')),
      [{ n: 1 }, { n: 1 }]
    )
  })

  it('keep nothing of what others say where they never open', async () => {
    const schema = (version: number) => ({ schema: { id: 'app', version } })
    const newer = await open(schema(2))
    await newer.replica.close()
    const { store, tabs } = world.browser.tab()
    let hear = (_event: { readonly data: unknown }): void => {}
    const channel: Channel = {
      postMessage() {},
      close() {},
      addEventListener: (_type, listener) => (hear = listener)
    }
    const stage = new Stage({ store, tabs: { ...tabs, channel }, ...schema(1) })
    const told: string[] = []
    stage.replica.on('error', ({ code }) => told.push(code))
    await turn()
    assert.deepEqual(told, ['ERR_SCHEMA'])
    const heard = new WeakRef(['settled', 'node', 1, false, ''])
    hear({ data: heard.deref() })
    // What is asked for is held for a turn.
    await new Promise(setImmediate)
    collectGarbage()
    assert.equal(heard.deref(), undefined)
  })

  it('show what others write meanwhile', async () => {
    const first = await open()
    let go = (): void => {}
    const second = await open(
      {},
      once('cursor/', () => new Promise<void>(resolve => (go = resolve)))
    )
    await first.set('a/1', 'x', 1).stored
    await turn()
    go()
    await turn()
    assert.deepEqual(second.replica.state('a/1')?.view(), { x: 1 })
  })
})
