import assert from 'node:assert/strict'
import type { AuthorityOptions } from '../../../plugins/records/server/authority.ts'
import { at, peerOf, World } from '../../support/authority.ts'

const answer = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 100))
const agree = (): Promise<true> => answer().then(() => true)

const ASKED: Readonly<Record<string, Partial<AuthorityOptions>>> = {
  onWrite: { onWrite: answer },
  permit: { permit: ({ verb }) => verb === 'read' || agree() },
  validate: { collections: { 'docs/': { validate: agree } } }
}

describe('records: writes of several clients to one record', () => {
  let world: World

  afterEach(() => world.end())

  for (const [name, options] of Object.entries(ASKED))
    it(`are judged in turn, however many one of them has queued: by ${name}`, async () => {
      world = new World(options)
      await world.authority.open()
      const ann = await world.welcomed('ann', [], peerOf('ann'))
      const others = await Promise.all(['bob', 'cid'].map(name => world.welcomed(name, [], peerOf(name))))
      for (let n = 1; n <= 20; n++) ann.write('docs/1', [at(n, 'ann').make()])
      await world.pass(250)
      for (const other of others) other.write('docs/1', [at(500, other.node).make()])
      await world.pass(500)
      assert.deepEqual(
        others.map(({ delta }) => [delta.acknowledged, delta.results]),
        others.map(({ node }) => [[[node, 1]], []])
      )
      await world.pass(2_500)
      assert.deepEqual(ann.deltas.at(-1)?.acknowledged, [['ann', 20]])
      assert.deepEqual(world.failed, [])
    })
})
