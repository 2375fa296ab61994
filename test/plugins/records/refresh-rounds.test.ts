import assert from 'node:assert/strict'
import type { PermitQuestion } from '../../../plugins/records/server/options.ts'
import { including } from '../../../plugins/records/server/prefixes.ts'
import { at, contents, peerOf, scope, userOf, World } from '../../support/authority.ts'
import type { WireClient } from '../../support/authority.ts'

/** Milliseconds that an answer takes. */
const LONG = 40
/** And milliseconds between two changes of permissions. */
const OFTEN = 15

describe('records: who may see what is asked again', () => {
  let world: World
  let asked: string[]
  let delay: number
  /** Who may see nothing. */
  let banned: Set<string>

  const permit = (question: PermitQuestion): boolean | Promise<boolean> => {
    if (question.verb !== 'read') return true
    asked.push(`${userOf(question)} ${question.record}`)
    const allowed = !banned.has(userOf(question))
    return delay ? new Promise(resolve => setTimeout(() => resolve(allowed), delay)) : allowed
  }

  const fill = async (ids: readonly string[]): Promise<WireClient> => {
    const root = await world.welcomed('root')
    for (const id of ids) root.write(id, [at(1, 'root').make(), at(1, 'root').set('n', 0)])
    await world.pass(10)
    return root
  }

  const follow = async (user: string, ...names: readonly string[]): Promise<WireClient> => {
    const client = world.client(user, peerOf(user))
    client.hello(names.map((name, n) => scope(n + 1, name)))
    await world.pass(10)
    return client
  }

  const refresh = (prefix: string): void => world.authority.refresh(prefix, () => true)

  /** Has permissions change all the time. */
  const often = async (prefix: string, time: number): Promise<void> => {
    for (let passed = 0; passed < time; passed += OFTEN) {
      refresh(prefix)
      await world.pass(OFTEN)
    }
  }

  const outcomes = (client: WireClient): string[] =>
    client.deltas.flatMap(({ scopes }) => scopes.map(({ outcome }) => outcome))

  beforeEach(async () => {
    asked = []
    banned = new Set()
    delay = 0
    world = new World({ permit })
    await world.authority.open()
  })

  afterEach(() => world.end())

  describe('however often they change', () => {
    for (const prefix of ['', 'a/', 'a/1', 'b/']) {
      it(`of '${prefix}': who may see something no more is told nothing more of it`, async () => {
        const root = await fill(['a/1', 'a/2', 'b/1'])
        const eve = await follow('eve', 'a/', 'a/1')
        assert.equal(Object.keys(contents(eve.deltas)).length, 2)
        delay = LONG
        await often(prefix, 5 * LONG)
        banned.add('eve')
        refresh('a/')
        await often(prefix, 5 * LONG)
        const { deltas } = eve
        assert.deepEqual(
          deltas.flatMap(({ scopes }) => scopes.map(({ outcome }) => outcome)),
          ['ERR_DENIED', 'ERR_DENIED']
        )
        root.write('a/1', [at(2, 'root').set('n', 1)])
        await often(prefix, 5 * LONG)
        assert.deepEqual(contents(eve.deltas), {})
      })

      it(`of '${prefix}': who begins to follow is told what it may see`, async () => {
        await fill(['a/1', 'a/2', 'b/1'])
        delay = LONG
        await often(prefix, 2 * LONG)
        const bob = world.client('bob', peerOf('bob'))
        bob.hello([scope(1, 'a/'), scope(2, 'a/1')])
        await often(prefix, 10 * LONG)
        const { deltas } = bob
        assert.deepEqual(Object.keys(contents(deltas)), ['a/1', 'a/2'])
        assert.ok(!deltas.some(({ scopes }) => scopes.some(({ outcome }) => outcome === 'ERR_DENIED')))
      })
    }

    for (const rounds of [1, 2, 3]) {
      it(`nobody stays in by an answer that is older than what changed: in round ${rounds}`, async () => {
        await fill(['a/1'])
        delay = LONG
        const eve = world.client('eve', peerOf('eve'))
        eve.hello([scope(1, 'a/')])
        for (let round = 1; round < rounds; round++) {
          await world.pass(LONG / 2)
          refresh('a/')
          await world.pass(LONG)
        }
        await world.pass(LONG / 2)
        // What is asked is answered as it was before.
        banned.add('eve')
        refresh('a/')
        await world.pass(10 * LONG)
        const { deltas } = eve
        if (rounds === 1) assert.deepEqual(contents(deltas), {})
        assert.equal(deltas.flatMap(({ scopes }) => scopes).at(-1)?.outcome, 'ERR_DENIED')
      })
    }

    it('who follows begins also while what it follows is written all the time', async () => {
      const root = await fill(['a/1', 'a/2'])
      delay = LONG
      const bob = world.client('bob', peerOf('bob'))
      bob.hello([scope(1, 'a/')])
      for (let n = 1; n <= 40; n++) {
        root.write('a/1', [at(n + 1, 'root').set('n', n)])
        await world.pass(OFTEN)
      }
      assert.deepEqual(Object.keys(contents(bob.deltas)), ['a/1', 'a/2'])
      await world.pass(10 * LONG)
      assert.equal(contents(bob.deltas)['a/1']?.['n'], 40)
    })

    it('remembers no more than so much of what is to be asked again', () => {
      let due: readonly string[] = []
      for (let n = 0; n < 90; n++) due = including(due, `a/${n + 10}`)
      assert.equal(due.length, 90)
      assert.equal(including(due, 'a/10/x'), due, 'it is among what is due')
      assert.equal(including(due, 'a/1').length, 81)
      assert.deepEqual(including(due, ''), [''])
      for (let n = 0; n < 1_000; n++) due = including(due, `b/${n}x`)
      assert.deepEqual(due, [''])
    })
  })

  describe('no more than it takes', () => {
    const MANY = 30
    const ids = Array.from({ length: MANY }, (_, n) => `a/${n + 100}`)
    const users = ['ann', 'bob', 'eve']

    const followed = async (): Promise<readonly WireClient[]> => {
      await fill(ids)
      const clients: WireClient[] = []
      for (const user of users) clients.push(await follow(user, 'a/'))
      for (const client of clients) assert.equal(Object.keys(contents(client.deltas)).length, MANY)
      asked = []
      return clients
    }

    it('of one record: that one, once for each', async () => {
      const clients = await followed()
      refresh('a/117')
      await world.pass(10)
      assert.deepEqual(
        asked.toSorted(),
        users.flatMap(user => [`${user} a/`, `${user} a/117`])
      )
      // Nothing is another one.
      assert.deepEqual(
        clients.flatMap(({ news }) => news),
        []
      )
    })

    it('of all: each once for each, however often in one turn', async () => {
      const clients = await followed()
      for (let n = 0; n < 20; n++) {
        refresh('a/')
        refresh(`a/${n + 100}`)
      }
      await world.pass(10)
      assert.equal(asked.length, users.length * (1 + MANY))
      assert.equal(new Set(asked).size, asked.length)
      assert.deepEqual(
        clients.flatMap(({ news }) => news),
        []
      )
    })

    it('while it is asked: once more behind that, for all that has changed by then', async () => {
      await followed()
      delay = LONG
      refresh('a/')
      await world.pass(10)
      for (let n = 0; n < 20; n++) {
        refresh('a/')
        await world.pass(1)
      }
      await world.pass(20 * LONG)
      assert.equal(asked.length, 2 * users.length * (1 + MANY))
    })

    it('and tells only what is another answer', async () => {
      const [ann, bob, eve] = await followed()
      banned.add('eve')
      refresh('a/11')
      await world.pass(10)
      assert(ann && bob && eve)
      assert.deepEqual([ann.news, bob.news], [[], []])
      // It may not follow the collection either.
      assert.deepEqual(outcomes(eve), ['ERR_DENIED'])
    })

    it('a rule that has itself asked again does not keep others from being served', async () => {
      await world.authority.close()
      let count = 0
      const again = ({ verb, record }: PermitQuestion): boolean => {
        if (verb !== 'read') return true
        count++
        refresh(record)
        return true
      }
      await world.make({ permit: again }).open()
      const root = await world.welcomed('other')
      root.write('a/1', [at(1, 'other').make()])
      const ann = await follow('ann', 'a/', 'a/1')
      root.write('a/1', [at(2, 'other').set('n', 1)])
      await world.pass(50)
      assert.equal(contents(ann.deltas)['a/1']?.['n'], 1)
      assert(count < 1_000)
    })
  })
})
