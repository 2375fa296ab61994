import assert from 'node:assert/strict'
import { connect, createServer } from '../../../index.ts'
import { permissions } from '../../../plugins/permissions/index.ts'
import { records } from '../../../plugins/records/index.ts'
import { memory as store } from '../../../stores/memory.ts'
import { turns } from '../../support/faults-wait.ts'
import { at, contents, peerOf, scope, World } from '../../support/authority.ts'
import type { WireClient } from '../../support/authority.ts'
import { memory } from '../../../transformers/memory/index.ts'

interface Note {
  readonly text: string
  readonly isOpen: boolean
}

describe('records: what was refused', () => {
  describe('by an authority', () => {
    let world: World
    let allowed: Set<string>

    beforeEach(async () => {
      allowed = new Set()
      world = new World({ permit: ({ record, verb }) => verb !== 'read' || allowed.has(record) })
      await world.authority.open()
      const root = await world.welcomed('root')
      for (const id of ['a/1', 'b/1']) root.write(id, [at(1, 'root').make()])
      await world.pass()
    })

    afterEach(() => world.end())

    const outcomes = (...deltas: readonly { readonly scopes: readonly { readonly outcome: string }[] }[]) =>
      deltas.flatMap(({ scopes }) => scopes.map(({ outcome }) => outcome))

    it('goes by each answer, and by the last change of permissions in the end, however long one takes', async () => {
      const gates: ((allowed: boolean) => void)[] = []
      let isSlow = false
      await world.end()
      world = new World({
        permissions: {
          check: ({ verb }) => verb !== 'read' || !isSlow || new Promise<boolean>(resolve => gates.push(resolve))
        }
      })
      await world.authority.open()
      const root = await world.welcomed('root')
      root.write('a/1', [at(1, 'root').make()])
      await world.pass()
      const ann = await world.welcomed('ann', [scope(1, 'a/')], peerOf('ann'))
      assert.deepEqual(contents(ann.frames.flatMap(frame => (frame.type === 'delta' ? frame : []))), {
        'a/1': { '': '{}' }
      })
      isSlow = true
      ann.refresh()
      await world.pass()
      isSlow = false
      ann.refresh()
      await world.pass()
      assert.deepEqual(outcomes(...ann.deltas), [])
      for (const answer of gates) answer(false)
      await world.pass(10)
      assert.deepEqual([gates.length, ...outcomes(...ann.deltas)], [1, 'ERR_DENIED', 'anew'])
      root.write('a/2', [at(2, 'root').make()])
      await world.pass()
      assert.deepEqual(contents(ann.deltas), { 'a/2': { '': '{}' } })
    })

    it('is asked for again when permissions change, and told when that makes a difference', async () => {
      const ann = await world.welcomed('ann', [scope(1, 'a/'), scope(2, 'b/1')], peerOf('ann'))
      assert.deepEqual(outcomes(...ann.frames.flatMap(frame => (frame.type === 'delta' ? frame : []))), [
        'ERR_DENIED',
        'ERR_DENIED'
      ])
      ann.refresh()
      await world.pass()
      assert.deepEqual(ann.news, [])
      for (const name of ['a/', 'a/1']) allowed.add(name)
      ann.refresh()
      await world.pass()
      const { deltas } = ann
      assert.deepEqual([outcomes(...deltas), contents(deltas)], [['anew'], { 'a/1': { '': '{}' } }])
      allowed.add('b/1')
      ann.refresh()
      await world.pass()
      assert.deepEqual(contents(ann.deltas), { 'b/1': { '': '{}' } })
      allowed.clear()
      ann.refresh()
      await world.pass()
      const last = ann.deltas
      assert.deepEqual(outcomes(...last), ['ERR_DENIED', 'ERR_DENIED'])
      allowed.add('b/1')
      ann.say({ type: 'unfollow', scopes: [2] })
      ann.refresh()
      await world.pass()
      assert.deepEqual(ann.news, [])
    })

    it('takes nothing from other queries where it is asked for anew while it is told by itself', async () => {
      const queries = [1, 2].map(n => ({ ...scope(n, 'a/'), query: { where: [['n', '=', n]] } as const }))
      const root = await world.welcomed('other')
      for (const n of [1, 2]) root.write(`a/n${n}`, [at(2, 'other').make(), at(2, 'other').set('n', n)])
      await world.pass()
      const ann = await world.welcomed('ann', queries, peerOf('ann'))
      for (const name of ['a/', 'a/n1', 'a/n2']) allowed.add(name)
      ann.refresh()
      await world.pass()
      assert.deepEqual(outcomes(...ann.deltas), ['anew', 'anew'])
      // When it asked nothing of that was there.
      ann.say({ type: 'follow', follows: queries.slice(0, 1) })
      await world.pass()
      const { deltas } = ann
      assert.deepEqual(outcomes(...deltas), ['reset'])
      assert.deepEqual(
        deltas.flatMap(({ evicted }) => evicted),
        []
      )
      assert.deepEqual(contents(deltas), { 'a/n1': { '': '{}', n: 1 }, 'a/n2': {} })
    })

    for (const wait of [0, 5]) {
      it(`is told when a record comes to be one that may be seen: ${wait ? 'a' : ''}synchronous`, async () => {
        await world.authority.close()
        const isOpen = (value: unknown): boolean => typeof value === 'object' && value !== null && 'open' in value
        await world
          .make({
            permit: ({ verb, value }) => {
              const answer = verb !== 'read' || isOpen(value)
              return wait ? new Promise(resolve => setTimeout(() => resolve(answer), wait)) : answer
            }
          })
          .open()
        const root = await world.welcomed('other')
        const write = async (id: string, ...writes: Parameters<WireClient['write']>[1]): Promise<void> => {
          root.write(id, writes)
          await world.pass(100)
        }
        const ann = world.client('ann', peerOf('ann'))
        ann.hello([scope(1, 'a/1'), scope(2, 'c/1')])
        await world.pass(100)
        assert.deepEqual(outcomes(...ann.deltas), ['ERR_DENIED', 'ERR_DENIED'])
        await write('a/1', at(2, 'other').set('n', 1))
        assert.equal(ann.deltas.length, 0)
        await write('a/1', at(3, 'other').set('open', 1))
        const [opened] = ann.deltas
        assert.deepEqual(
          [opened?.scopes, contents(opened ? [opened] : [])],
          [[{ scope: 1, outcome: 'anew' }], { 'a/1': { '': '{}', n: 1, open: 1 } }]
        )
        await write('c/1', at(3, 'other').make(), at(3, 'other').set('open', 1))
        assert.deepEqual(contents(ann.deltas), { 'c/1': { '': '{}', open: 1 } })
        await write('a/1', at(4, 'other').set('n', 2))
        assert.deepEqual(contents(ann.deltas), { 'a/1': { n: 2 } })
        await write('a/1', at(5, 'other').remove('open'))
        assert.deepEqual(
          ann.deltas.flatMap(({ denied }) => denied),
          ['a/1']
        )
      })
    }

    it('counts as what is followed, until it is let go of', async () => {
      await world.authority.close()
      await world.make({ permit: () => false, limits: { scopes: 2 } }).open()
      const ann = await world.welcomed('ann', [scope(1, 'a/'), scope(2, 'b/')], peerOf('ann'))
      ann.say({ type: 'follow', follows: [scope(3, 'c/')] })
      await world.pass()
      assert.deepEqual(outcomes(...ann.deltas), ["ERR_LIMIT: 'limits.scopes' is 2"])
      ann.say({ type: 'unfollow', scopes: [1] })
      ann.say({ type: 'follow', follows: [scope(4, 'c/')] })
      await world.pass()
      assert.deepEqual(outcomes(...ann.deltas), ['ERR_DENIED'])
    })

    it('is not refused before what was written before is committed, or never will be', async () => {
      const ann = await world.welcomed('ann', [], peerOf('ann'))
      ann.say({ type: 'follow', follows: [scope(1, 'a/')], behind: ['ann', 2] })
      ann.write('c/1', [at(1, 'ann').make()])
      await world.pass()
      assert.deepEqual(outcomes(...ann.deltas), [])
      ann.write('c/2', [at(1, 'ann').make()])
      await world.pass()
      assert.deepEqual(outcomes(...ann.deltas), ['ERR_DENIED'])
      ann.say({ type: 'follow', follows: [scope(2, 'a/')], behind: ['ann', 2] })
      await world.pass()
      assert.deepEqual(outcomes(...ann.deltas), ['ERR_DENIED'])
      // Of a node that is somebody else's nothing is ever done.
      ann.say({ type: 'follow', follows: [scope(3, 'a/')], behind: ['root', 9] })
      await world.pass()
      assert.deepEqual(outcomes(...ann.deltas), [])
      const records = [{ record: 'c/3', registers: [at(1, 'root').make()] }]
      ann.say({ type: 'write', node: 'root', number: 9, atomic: false, conditions: [], records })
      await world.pass()
      assert.deepEqual(outcomes(...ann.deltas), ['ERR_DENIED'])
    })

    it('begins with the acknowledgement of what was written before', async () => {
      await world.authority.close()
      let isMade = false
      const permit = ({ record, verb }: { readonly record: string; readonly verb: string }) => {
        if (verb === 'read') return isMade
        isMade ||= record === 'c/2'
        return true
      }
      await world.make({ permit }).open()
      const ann = world.client('ann', peerOf('ann'))
      ann.hello([scope(1, 'c/')], { behind: ['ann', 2] })
      await world.pass()
      ann.write('c/1', [at(1, 'ann').make()])
      ann.write('c/2', [at(1, 'ann').make()])
      await world.pass()
      const { delta } = ann
      assert.deepEqual(
        [outcomes(delta), contents([delta]), delta.acknowledged],
        [['reset'], { 'c/1': { '': '{}' }, 'c/2': { '': '{}' } }, [['ann', 2]]]
      )
    })
  })

  describe('to a client', () => {
    const start = () => {
      const network = memory()
      let isAllowed = false
      const server = createServer({
        transformers: [network],
        plugins: [permissions({ records: { read: () => isAllowed } }), records<{ 'notes/': Note }>({ store: store() })]
      })
      const client = connect('http://memory', { transformers: [network], plugins: [records<{ 'notes/': Note }>()] })
      const refused: string[] = []
      client.records.on('refused', (_error, name) => refused.push(name))
      return {
        client,
        server,
        refused,
        allow: (allowed: boolean) => (isAllowed = allowed),
        note: server.records.get('notes/1').replace({ text: 'Tea', isOpen: true }).durable,
        end: async () => {
          client.destroy()
          await server.close()
        }
      }
    }
    const denied = { code: 'ERR_DENIED' }

    it('comes when permissions change, to all who have asked for it', async () => {
      const { client, server, refused, allow, note, end } = start()
      await note
      const one = client.records.get('notes/1')
      const all = client.records.collection('notes/').query({ where: [['isOpen', '=', true]] })
      for (const each of [one, all]) await assert.rejects(each.when.synced, denied)
      for (const isAllowed of [true, false, true]) {
        allow(isAllowed)
        server.permissions.refresh()
        for await (const { status } of changesOf(one)) if (status === (isAllowed ? 'synced' : 'refused')) break
        for await (const { status } of changesOf(all)) if (status === (isAllowed ? 'synced' : 'refused')) break
        assert.deepEqual([one.get()?.text, all.get().length], isAllowed ? ['Tea', 1] : [undefined, 0])
      }
      await Promise.all([one.when.synced, all.when.synced])
      assert.deepEqual(refused, ['notes/1', 'notes/', 'notes/1', 'notes/'])
      await end()
    })

    for (const isRuled of [false, true]) {
      it(`is judged again when a client is another one${isRuled ? ', once where rules are installed too' : ''}`, async () => {
        interface Context {
          readonly user: string
          readonly role: string
        }
        type App = { 'notes/': { readonly owner: string } }
        const network = memory()
        let role = 'guest'
        let asked = 0
        const own = records<App, Context>({
          store: store(),
          permit: ({ verb, context: { user, role }, value }) => {
            if (verb !== 'read') return true
            if (!value) asked++
            return role === 'agent' || !value || value.owner === user
          }
        })
        const options = { transformers: [network], authenticate: (): Context => ({ user: 'ann', role }) }
        const server = isRuled
          ? createServer({ ...options, plugins: [own, permissions<Context>({ records: true })] })
          : createServer({ ...options, plugins: [own] })
        const notes = server.records.collection('notes/')
        for (const owner of ['ann', 'bob']) await notes.get(owner).replace({ owner }).durable
        const client = connect('http://memory', { transformers: [network], plugins: [records<App>()] })
        client.records.on('refused', () => {})
        const all = client.records.collection('notes/').query()
        const bob = client.records.get('notes/bob')
        await all.when.synced
        await assert.rejects(bob.when.synced, denied)
        const [peer] = server.peers
        for (const now of ['agent', 'guest', 'agent', 'guest']) {
          role = now
          asked = 0
          await peer?.reauthenticate(undefined)
          const isAgent = now === 'agent'
          for await (const { status } of changesOf(bob)) if (status === (isAgent ? 'synced' : 'refused')) break
          for await (const results of changesOf(all)) if (results.get().length === (isAgent ? 2 : 1)) break
          assert.equal(bob.get('owner'), isAgent ? 'bob' : undefined)
          // Of the collection: whether it goes on; perhaps behind the record. No rules have it asked twice.
          while (!asked) await turns(1)
          assert.equal(asked, 1)
        }
        // What changes meanwhile is told to nobody who may not see it.
        await notes.get('bob').replace({ owner: 'bob' }).durable
        await notes.get('ann').replace({ owner: 'ann' }).durable
        assert.deepEqual([all.get().length, bob.get()], [1, undefined])
        client.destroy()
        await server.close()
      })
    }

    it('is told once for each name that is followed, also of a record that its collection has lost before', async () => {
      type App = { readonly 'notes/': Note }
      const network = memory()
      let may = true
      const server = createServer({
        transformers: [network],
        plugins: [permissions({ records: true }), records<App>({ store: store(), permit: () => may })]
      })
      await server.records.get('notes/1').replace({ text: 'Tea', isOpen: true }).durable
      const client = connect('http://memory', { transformers: [network], plugins: [records<App>()] })
      const told: string[] = []
      client.records.on('refused', (_error, name) => told.push(name))
      const note = client.records.get('notes/1')
      const all = client.records.collection('notes/').query()
      await Promise.all([note.when.synced, all.when.synced])
      for (let count = 0; count < 3; count++) {
        may = false
        server.records.refresh()
        for (const each of [note, all]) for await (const { status } of changesOf(each)) if (status === 'refused') break
        // Behind whatever else was on its way.
        await assert.rejects(client.records.snapshot('notes/2'), denied)
        const followed = told.splice(0).filter(name => name !== 'notes/2')
        assert.deepEqual(followed.toSorted(), ['notes/', 'notes/1'])
        may = true
        server.records.refresh()
        for (const each of [note, all]) for await (const { status } of changesOf(each)) if (status === 'synced') break
      }
      client.destroy()
      await server.close()
    })

    for (const isQueried of [false, true])
      it(`is what a change takes away from who may not see it any more${isQueried ? ', and follows its collection too' : ''}`, async () => {
        type App = { readonly 'notes/': Note }
        const network = memory()
        const rules = records<App>({
          store: store(),
          permit: ({ verb, value }) => verb !== 'read' || value === undefined || value.isOpen
        })
        const server = createServer({ transformers: [network], plugins: [rules] })
        const own = server.records.get('notes/1')
        await own.replace({ text: 'Tea', isOpen: true }).durable
        const client = connect('http://memory', { transformers: [network], plugins: [records<App>()] })
        const told: unknown[] = []
        client.records.on('evicted', ids => told.push(...ids))
        client.records.on('refused', ({ code }, name) => told.push(code, name))
        if (isQueried) await client.records.collection('notes/').query().when.synced
        const note = client.records.get('notes/1')
        await note.when.synced
        for (let count = 0; count < 2; count++) {
          await own.set('isOpen', false).durable
          for await (const { status } of changesOf(note)) if (status === 'refused') break
          await assert.rejects(note.when.synced, denied)
          assert.equal(note.get(), undefined)
          assert.deepEqual(told.splice(0), ['notes/1', 'ERR_DENIED', 'notes/1'])
          await own.set('isOpen', true).durable
          for await (const { status } of changesOf(note)) if (status === 'synced') break
          assert.equal(note.get('text'), 'Tea')
        }
        client.destroy()
        await server.close()
      })

    it('is asked for anew by who gets it, whoever has it already, and who reads it once', async () => {
      const { client, allow, note, end } = start()
      await note
      const before = client.records.get('notes/1')
      await assert.rejects(before.when.synced, denied)
      await assert.rejects(client.records.snapshot('notes/2'), denied)
      allow(true)
      assert.equal((await client.records.snapshot('notes/1'))?.text, 'Tea')
      assert.deepEqual([before.status, before.get('text')], ['synced', 'Tea'])
      allow(false)
      const query = client.records.collection('notes/').query()
      await assert.rejects(query.when.synced, denied)
      query.release()
      allow(true)
      const again = client.records.collection('notes/').query()
      await again.when.synced
      assert.equal(again.get().length, 1)
      await end()
    })
  })
})

/** Something that is followed, now and whenever it has changed. */
async function* changesOf<T extends { on(event: 'change', listener: () => void): () => void }>(live: T) {
  let wake = (): void => {}
  const undo = live.on('change', () => wake())
  try {
    for (;;) {
      yield live
      await new Promise<void>(resolve => (wake = resolve))
    }
  } finally {
    undo()
  }
}
