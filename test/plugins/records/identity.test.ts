import assert from 'node:assert/strict'
import { connect, createServer } from '../../../index.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import { authenticate } from '../../../plugins/authenticate/index.ts'
import { keep, records } from '../../../plugins/records/index.ts'
import { memory as store } from '../../../stores/memory.ts'
import { memory } from '../../../transformers/memory/index.ts'
import { at, contents, peerOf, scope, userOf, World } from '../../support/authority.ts'
import { leaf, object, Stage, turn } from '../../support/replica.ts'
import { BrowserWorld } from '../../support/tabs.ts'

describe('records: whose state it is', () => {
  describe('on a client', () => {
    const world = new BrowserWorld()
    const [ANN, BOB] = [1, 2]

    const open = async () => {
      const { store, tabs, kill } = world.browser.tab()
      const stage = new Stage({ store, tabs })
      const errors: string[] = []
      stage.replica.on('error', ({ code }) => errors.push(code))
      await turn()
      return Object.assign(stage, { kill, errors })
    }

    const says = async (stage: Stage, number: number): Promise<void> => {
      stage.say({ type: 'notice', what: 'identity', number })
      await turn()
    }

    /** A session with the state of somebody. */
    const meet = async (stage: Stage, number: number): Promise<void> => {
      stage.connect()
      await turn()
      await says(stage, number)
      stage.welcome()
      await turn()
    }

    const fill = (stage: Stage, value: number): void =>
      stage.delta({
        seq: value,
        scopes: [{ scope: 1, outcome: 'reset' }],
        records: [{ record: 'a/1', registers: [object(''), leaf('x', value)] }],
        whole: [true]
      })

    /** Has something of the server, and something that waits. */
    const used = async () => {
      const stage = await open()
      stage.replica.follow('a/1')
      await meet(stage, ANN)
      fill(stage, 1)
      stage.replica.disconnected()
      await stage.set('a/1', 'y', 2).stored
      stage.take()
      return stage
    }

    it('nothing is sent to that of somebody else, and nothing taken, until the right one is back', async () => {
      const stage = await used()
      await meet(stage, BOB)
      fill(stage, 5)
      await stage.set('a/1', 'z', 3).stored
      stage.replica.drained()
      stage.replica.reachable(true)
      await turn()
      const kinds = (): string[] => stage.take().map(({ type }) => type)
      assert.deepEqual([kinds(), stage.errors], [['hello'], ['ERR_IDENTITY']])
      assert.deepEqual([stage.view('a/1'), stage.replica.pending.length], [{ x: 1, y: 2, z: 3 }, 2])
      // In the same session, as who has signed in again.
      await says(stage, ANN)
      assert.deepEqual(kinds(), ['hello'])
      await says(stage, ANN)
      stage.welcome()
      await turn()
      fill(stage, 6)
      assert.deepEqual([kinds(), stage.view('a/1')], [['write', 'write'], { x: 6, y: 2, z: 3 }])
      await says(stage, BOB)
      fill(stage, 7)
      assert.deepEqual([kinds(), stage.errors.length, stage.view('a/1')], [[], 2, { x: 6, y: 2, z: 3 }])
      stage.replica.disconnected()
      await meet(stage, ANN)
      assert.deepEqual(kinds(), ['hello', 'write', 'write'])
    })

    it('is kept with it, and known to other tabs', async () => {
      const fresh = await open()
      const first = await used()
      await meet(fresh, BOB)
      assert.deepEqual(fresh.errors, ['ERR_IDENTITY'])
      first.kill()
      fresh.kill()
      await turn()
      const next = await open()
      next.replica.follow('a/1')
      await turn()
      await meet(next, BOB)
      assert.deepEqual([next.errors, next.view('a/1')], [['ERR_IDENTITY'], { x: 1, y: 2 }])
      assert.deepEqual(next.takeWrites(), [])
    })

    it("is anybody's when it is cleared", async () => {
      const stage = await used()
      await stage.replica.clear()
      stage.replica.opened()
      await turn()
      await meet(stage, BOB)
      fill(stage, 5)
      assert.deepEqual([stage.errors, stage.view('a/1')], [[], { x: 5 }])
    })

    it("is anybody's where nothing is kept, and nothing is there", async () => {
      const stage = new Stage()
      const errors: string[] = []
      stage.replica.on('error', ({ code }) => errors.push(code))
      await meet(stage, ANN)
      stage.take()
      await says(stage, BOB)
      assert.deepEqual(
        stage.take().map(({ type }) => type),
        ['hello']
      )
      stage.welcome()
      await turn()
      stage.set('a/1', 'x', 1)
      await turn()
      assert.equal(stage.takeWrites().length, 1)
      await says(stage, ANN)
      assert.deepEqual(errors, ['ERR_IDENTITY'])
    })

    it('is what it was where the server does not say it', async () => {
      const stage = await used()
      await stage.open()
      fill(stage, 5)
      assert.deepEqual([stage.errors, stage.view('a/1')], [[], { x: 5, y: 2 }])
    })
  })

  describe('on a server', () => {
    let world: World
    const names = new Map<Peer, string>()

    beforeEach(async () => {
      world = new World({ identity: who => names.get(who.peer) ?? userOf(who) })
      await world.authority.open()
    })

    afterEach(() => world.end())

    it('is told before anything else, and not who it is', async () => {
      const [ann, again, bob] = [peerOf('ann'), peerOf('ann'), peerOf('bob')].map(peer => {
        const client = world.client('node', peer)
        client.hello()
        return client
      })
      await world.pass()
      const tellings = [ann, again, bob].map(client => client?.frames[0])
      const numbers = tellings.map(frame => (frame?.type === 'notice' && frame.what === 'identity' ? frame.number : 0))
      assert.ok(numbers.every(number => Number.isSafeInteger(number) && number > 0))
      assert.deepEqual([numbers[0] === numbers[1], numbers[0] === numbers[2]], [true, false])
      assert.equal(ann?.frames[1]?.type, 'welcome')
    })

    it('ends what goes on when it is another one, until the client says hello again', async () => {
      const peer = peerOf('ann')
      const root = await world.welcomed('root')
      const ann = await world.welcomed('ann', [scope(1, 'a/')], peer)
      ann.refresh()
      await world.pass()
      assert.deepEqual(ann.news, [])
      names.set(peer, 'bob')
      ann.refresh()
      ann.write('a/1', [at(1, 'ann').make()])
      ann.say({ type: 'unfollow', scopes: [1] })
      root.write('a/2', [at(1, 'root').make()])
      await world.pass()
      assert.deepEqual([ann.news.map(({ type }) => type), ann.failures], [['notice'], []])
      ann.hello([scope(1, 'a/')])
      await world.pass()
      assert.deepEqual(Object.keys(contents(ann.deltas)), ['a/2'])
      assert.deepEqual(
        ann.frames.slice(-3, -1).map(({ type }) => type),
        ['notice', 'welcome']
      )
    })

    it('is told whenever it is another one, also to who was not welcome since', async () => {
      const peer = peerOf('ann')
      const ann = await world.welcomed('ann', [scope(1, 'a/')], peer)
      const [own] = ann.frames
      for (const name of ['bob', 'bob', 'carl', 'ann']) {
        names.set(peer, name)
        ann.refresh()
      }
      await world.pass()
      const told = ann.news
      assert.deepEqual(
        told.map(({ type }) => type),
        ['notice', 'notice', 'notice']
      )
      assert.deepEqual(told.at(-1), own)
      ann.write('a/1', [at(1, 'ann').make()])
      await world.pass()
      assert.deepEqual(ann.news, [])
      ann.hello([scope(1, 'a/')])
      ann.refresh()
      await world.pass()
      assert.deepEqual(
        ann.news.map(({ type }) => type),
        ['notice', 'welcome', 'delta']
      )
      names.set(peer, 'bob')
      ann.refresh()
      ann.end()
      names.set(peer, 'ann')
      ann.refresh()
      await world.pass()
      assert.deepEqual([ann.news.length, ann.failures], [1, []])
    })

    it('lets nobody in of whom it cannot be said', async () => {
      await world.authority.close()
      const identity = (): string => {
        throw new Error('nobody')
      }
      await world.make({ identity }).open()
      const ann = world.client('ann', peerOf('ann'))
      ann.hello()
      await world.pass()
      assert.deepEqual([ann.news, ann.failures, String(world.failed[0])], [[], ['ERR_SERVER'], 'Error: nobody'])
    })
  })

  it('who signs in as somebody else, and as themselves again, goes on with the same connection', async () => {
    const network = memory()
    const server = createServer({
      transformers: [network],
      authenticate: ({ auth }): { readonly user: string } => ({ user: String(auth) }),
      plugins: [
        authenticate(),
        records<Record<string, object>, { readonly user: string }>({
          store: store(),
          identity: ({ context }) => context.user
        })
      ]
    })
    await server.records.get('notes/1').replace('', { text: 'of cleo' }).durable
    const client = connect('http://memory', {
      transformers: [network],
      auth: 'cleo',
      plugins: [authenticate(), records()]
    })
    const errors: string[] = []
    client.records.on('error', ({ code }) => errors.push(code))
    const note = client.records.get<{ text: string; more: number }>('notes/1')
    await note.when.synced
    for (const user of ['carl', 'cleo', 'carl', 'carol']) await client.authenticate(user)
    assert.equal(note.status, 'local')
    const write = note.set('more', 1)
    await client.authenticate('cleo')
    await Promise.all([write.durable, note.when.synced])
    assert.deepEqual(await server.records.snapshot('notes/1'), { text: 'of cleo', more: 1 })
    assert.deepEqual(errors, ['ERR_IDENTITY', 'ERR_IDENTITY', 'ERR_IDENTITY'])
    client.destroy()
    await server.close()
  })

  it('what one user of a browser wrote and has kept is not sent as another one', async () => {
    const network = memory()
    let user = 'cleo'
    const authors: unknown[] = []
    const server = createServer({
      transformers: [network],
      authenticate: ({ auth }): { readonly user: string } => ({ user: String(auth) }),
      plugins: [
        records<Record<string, object>, { readonly user: string }>({
          store: store(),
          identity: ({ context }) => context.user,
          onWrite: ({ peer }) => {
            authors.push(peer?.context.user)
          }
        })
      ]
    })
    const client = connect('http://memory', {
      transformers: [network],
      auth: () => user,
      reconnect: { min: 1, max: 1 },
      plugins: [records({ persist: keep(store()) })]
    })
    const note = client.records.get<{ text: string }>('notes/1')
    await note.when.synced
    network.down = true
    network.cut()
    const write = note.set('text', 'by cleo')
    await write.stored
    user = 'carl'
    const refused = new Promise(resolve => client.records.on('error', ({ code }) => resolve(code)))
    network.down = false
    assert.equal(await refused, 'ERR_IDENTITY')
    assert.deepEqual([authors, client.records.pending.length, note.get()], [[], 1, { text: 'by cleo' }])
    user = 'cleo'
    for (const peer of server.peers) peer.destroy(4_000)
    await write.durable
    assert.deepEqual(authors, ['cleo'])
    client.destroy()
    await server.close()
  })
})
