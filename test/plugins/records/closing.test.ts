import assert from 'node:assert/strict'
import { AnywireError } from '../../../lib/errors.ts'
import { ERR_CLOSED } from '../../../lib/failures.ts'
import type { AuthorityOptions } from '../../../plugins/records/server/authority.ts'
import type { WriteEvent } from '../../../plugins/records/server/hook.ts'
import type { PermitQuestion } from '../../../plugins/records/server/options.ts'
import { at, contents, peerOf, scope, World } from '../../support/authority.ts'
import { GatedStore } from '../../support/gated-store.ts'

type Rules = Pick<AuthorityOptions, 'permit' | 'onWrite' | 'collections'>

/** Who is asked about records, by what they are asked with. */
const RULES: Record<string, (ask: (record: string) => Promise<boolean>) => Rules> = {
  permit: ask => ({ permit: ({ record }: PermitQuestion) => ask(record) }),
  validate: ask => ({ collections: { 'a/': { validate: (_value: unknown, record: string) => ask(record) } } }),
  onWrite: ask => ({
    onWrite: async ({ records: [first] }: WriteEvent) => {
      await ask(first?.record ?? '')
    }
  })
}

describe('an authority of records that is closed while somebody is asked', () => {
  let world: World

  beforeEach(async () => {
    world = new World()
    await world.authority.open()
    await world.authority.close()
  })

  afterEach(() => world.end())

  for (const [name, rulesOf] of Object.entries(RULES))
    for (const error of [new AnywireError(ERR_CLOSED), new Error('of the rule')])
      it(`has refused nothing where that fails: ${name}, ${error.message}`, async () => {
        let fail = (): void => {}
        const ask = (record: string): Promise<boolean> =>
          record === 'a/1' ? Promise.resolve(true) : new Promise((_resolve, reject) => (fail = () => reject(error)))
        let gate: GatedStore | undefined
        await world.make(rulesOf(ask), store => (gate = new GatedStore(store))).open()
        const ann = await world.welcomed('ann', [], peerOf('ann'))
        gate?.hold('commit')
        for (const id of ['a/1', 'a/2']) {
          ann.write(id, [at(1, 'ann').make()])
          await world.pass()
        }
        const closing = world.authority.close()
        fail()
        await world.pass()
        gate?.release()
        await closing
        // That it is closed is nobody's news.
        assert.deepEqual(world.failed.splice(0), error instanceof AnywireError ? [] : [error])
        await world.make().open()
        const again = await world.welcomed('ann', [scope(1, 'a/2')], peerOf('ann'))
        again.write('a/2', [at(1, 'ann').make()], { number: 2 })
        await world.pass()
        const { deltas } = again
        assert.deepEqual([deltas.flatMap(({ results }) => results), contents(deltas)], [[], { 'a/2': { '': '{}' } }])
      })

  it('tells nobody that what a rule about reading has asked for is closed', async () => {
    for (const error of [new AnywireError(ERR_CLOSED), new Error('of the rule')]) {
      let fail = (): void => {}
      const hangs = (): Promise<boolean> => new Promise((_resolve, reject) => (fail = () => reject(error)))
      await world.make({ permit: hangs }).open()
      const ann = world.client('ann', peerOf('ann'))
      ann.hello([scope(1, 'a/1')])
      await world.pass()
      const closing = world.authority.close()
      fail()
      await closing
      assert.deepEqual(world.failed.splice(0), error instanceof AnywireError ? [] : [error])
    }
  })
})
