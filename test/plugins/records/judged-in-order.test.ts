import assert from 'node:assert/strict'
import { connect, createServer } from '../../../index.ts'
import type { Store } from '../../../lib/store.ts'
import { permissions } from '../../../plugins/permissions/index.ts'
import type { Question } from '../../../plugins/permissions/index.ts'
import { presence } from '../../../plugins/presence/index.ts'
import { pubsub } from '../../../plugins/pubsub/index.ts'
import { records } from '../../../plugins/records/index.ts'
import type { PermitQuestion, RecordsReader, WriteHandle } from '../../../plugins/records/index.ts'
import { memory as store } from '../../../stores/memory.ts'
import { until } from '../../support/faults-wait.ts'
import { GatedStore } from '../../support/gated-store.ts'
import { memory } from '../../../transformers/memory/index.ts'

interface Board {
  readonly title: string
}
interface Card {
  readonly text: string
}
type App = { readonly 'boards/': Board; readonly 'cards/': Card }

type Look = Pick<RecordsReader<App>, 'has'>

/** A card is of a board that is there. Who says so may look at what judging has, or at what the server has. */
const start = (look: 'reader' | 'server', by: 'permit' | 'validate' = 'permit') => {
  const asked: string[] = []
  const isOfBoard = (record: string, reader: Look): Promise<boolean> => {
    const board = `boards/${record.split('/')[1]}`
    return (look === 'reader' ? reader : server.records).has(board)
  }
  const rule =
    by === 'permit'
      ? {
          permit: ({ verb, record, records }: PermitQuestion<unknown, App, 'cards/'>) => {
            if (verb === 'create') asked.push(record)
            return isOfBoard(record, records)
          }
        }
      : { validate: (_card: unknown, record: string, records: Look) => isOfBoard(record, records) }
  const network = memory()
  const server = createServer({
    transformers: [network],
    plugins: [records<App>({ store: store(), collections: { 'cards/': rule } })]
  })
  const client = connect('http://memory', {
    transformers: [network],
    reconnect: { min: 1, max: 1 },
    plugins: [records<App>()]
  })
  for (const event of ['rejected', 'refused'] as const) client.records.on(event, () => {})
  return {
    asked,
    network,
    server,
    client,
    board: (id: string) => client.records.get(`boards/${id}`).replace({ title: id }),
    card: (id: string) => client.records.get(`cards/${id}`).replace({ text: id }),
    end: async () => {
      client.destroy()
      await server.close()
    }
  }
}

const outcomes = (...writes: readonly WriteHandle[]): Promise<string[]> =>
  Promise.all(
    writes.map(({ durable }) =>
      durable.then(
        () => 'done',
        (error: { readonly message: string }) => error.message
      )
    )
  )

const REFUSED = {
  permit: (record: string) => `The permissions of the server do not allow this: 'create' of '${record}'`,
  validate: () => 'The server does not accept this value'
}

/** Rules of other plugins that ask for a board, and a client that asks for what they are about. */
const among = (wrap: (kept: Store) => Store) => {
  const answers: boolean[] = []
  const mayUse = async ({ name }: Question): Promise<boolean> => {
    const isThere = await server.records.has(`boards/${name}`)
    answers.push(isThere)
    return isThere
  }
  const network = memory()
  const server = createServer({
    transformers: [network],
    plugins: [
      permissions({ records: true, presence: mayUse, pubsub: mayUse }),
      presence(),
      pubsub(),
      records<App>({ store: wrap(store()) })
    ]
  })
  const client = connect('http://memory', {
    transformers: [network],
    plugins: [records<App>(), presence(), pubsub()]
  })
  client.on('error', () => {})
  return {
    answers,
    client,
    enter: (board: string) => client.presence(board).enter({}),
    subscribe: (board: string) => client.pubsub.subscribe(board, () => {}),
    end: async () => {
      client.destroy()
      await server.close()
    }
  }
}

describe('records: what one client writes is judged in its order', () => {
  it('other plugins deny nothing over what was written before there was a session', async () => {
    const { client, answers, enter, subscribe, end } = among(kept => kept)
    client.records.get('boards/one').replace({ title: 'one' })
    await Promise.all([enter('one'), subscribe('one')])
    for (const done of [enter('two'), subscribe('two')]) await assert.rejects(done, { code: 'ERR_DENIED' })
    assert.deepEqual(answers.slice(-2), [false, false])
    await end()
  })

  it('other plugins deny nothing over what is still on its way', async () => {
    let gate: GatedStore | undefined
    const { client, answers, enter, subscribe, end } = among(kept => (gate = new GatedStore(kept)))
    await client.records.get('boards/other').when.synced
    gate?.hold('commit')
    const board = client.records.get('boards/one').replace({ title: 'one' })
    const before = [enter('one'), subscribe('one')]
    await until(() => answers.length === 2)
    gate?.release()
    await Promise.all([board.durable, ...before])
    assert.deepEqual(answers, [false, false, true, true])
    for (const done of [enter('two'), subscribe('two')]) await assert.rejects(done, { code: 'ERR_DENIED' })
    assert.equal(answers.length, 6)
    await end()
  })

  for (const by of ['permit', 'validate'] as const) {
    for (const look of ['reader', 'server'] as const) {
      it(`by ${by}, which asks the ${look}: what was written before is there`, async () => {
        const { client, board, card, network, end } = start(look, by)
        const mixed = [card('1/a'), board('1'), card('1/b'), card('2/a'), card('1/c')]
        assert.deepEqual(await outcomes(...mixed), [
          REFUSED[by]('cards/1/a'),
          'done',
          'done',
          REFUSED[by]('cards/2/a'),
          'done'
        ])
        network.cut()
        assert.deepEqual(await outcomes(board('3'), card('3/a')), ['done', 'done'])
        assert.deepEqual(client.records.pending, [])
        await end()
      })
    }

    it(`by ${by}: a transaction is seen as a whole, whatever comes first in it`, async () => {
      const { client, end } = start('reader', by)
      const both = (card: string, board: string) =>
        client.records.transaction(({ get }) => {
          get(`cards/${card}`).replace({ text: 'mine' })
          get(`boards/${board}`).replace({ title: 'mine' })
        })
      assert.deepEqual(await outcomes(both('1/a', '1'), both('2/a', '3')), [
        'done',
        `'cards/2/a': ${REFUSED[by]('cards/2/a')}`
      ])
      const gone = client.records.transaction(({ get }) => {
        get('boards/1').delete()
        get('cards/1/b').replace({ text: 'late' })
      })
      assert.deepEqual(await outcomes(gone), [`'cards/1/b': ${REFUSED[by]('cards/1/b')}`])
      await end()
    })
  }

  for (const look of ['reader', 'server'] as const) {
    it(`what is followed is judged behind what was written, by the ${look}`, async () => {
      const { client, board, network, end } = start(look)
      const refused: unknown[] = []
      client.records.on('refused', (_error, name) => refused.push(name))
      board('1')
      await client.records.collection('cards/1/').query().when.synced
      const made = board('2')
      await made.stored
      await client.records.get('cards/2/a').when.synced
      network.down = true
      network.cut()
      board('3')
      const cards = client.records.collection('cards/3/')
      cards.add({ text: 'mine' }, 'a')
      const all = cards.query()
      const seen: string[] = []
      all.subscribe(results => seen.push(results.map(({ value }) => value.text).join()))
      network.down = false
      await all.when.synced
      await cards.add({ text: 'too' }, 'b').write.durable
      assert.deepEqual([seen, refused], [['mine', 'mine,too'], []])
      const none = client.records.collection('cards/4/').query()
      await assert.rejects(none.when.synced, { code: 'ERR_DENIED' })
      board('5')
      const other = client.records.collection('cards/6/').query()
      await assert.rejects(other.when.synced, { code: 'ERR_DENIED' })
      assert.deepEqual(refused, ['cards/4/', 'cards/6/'])
      await end()
    })
  }

  it('is asked for once, where what it depends on is there, and once more, where it may be on its way', async () => {
    const { asked, board, card, end } = start('reader')
    await outcomes(board('1'), card('1/a'), card('1/b'), card('2/a'), card('2/b'))
    // What is judged before its turn, and refused, was too early.
    assert.deepEqual(asked, ['cards/1/a', 'cards/1/b', 'cards/2/a', 'cards/2/b', 'cards/2/a', 'cards/2/b'])
    await end()
  })
})
