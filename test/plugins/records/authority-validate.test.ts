import assert from 'node:assert/strict'
import { AnywireError } from '../../../lib/errors.ts'
import { ERR_LIMIT } from '../../../lib/failures.ts'
import { at, scope, World } from '../../support/authority.ts'

describe('an authority of records, and who validates', () => {
  let world: World

  afterEach(() => world.end())

  it('may say why, and what is a mistake of its own is told to nobody but the server', async () => {
    const answers: Record<string, () => boolean | string | void | Promise<boolean>> = {
      no: () => false,
      why: () => 'too late',
      yes: () => true,
      fine: () => {},
      refused: () => {
        throw new AnywireError(ERR_LIMIT, 'of patience')
      },
      broken: () => {
        throw new TypeError('secret')
      },
      rejected: () => Promise.reject(new TypeError('another one'))
    }
    const validate = (_value: unknown, record: string) => answers[record.slice(2)]?.()
    world = new World({ collections: { 'a/': { validate } } })
    await world.authority.open()
    const ann = await world.welcomed('ann', [scope(1, 'a/')])
    for (const id of Object.keys(answers)) ann.write(`a/${id}`, [at(1, 'ann').make()])
    await world.pass(10)
    const refusal = 'The server does not accept this value'
    assert.deepEqual(
      ann.deltas.flatMap(({ results }) => results.map(({ record, code, hint }) => [record, code, hint])),
      [
        ['a/no', 'ERR_INVALID', refusal],
        ['a/why', 'ERR_INVALID', `${refusal}: too late`],
        ['a/refused', 'ERR_INVALID', 'A limit was reached: of patience'],
        ['a/broken', 'ERR_INVALID', refusal],
        ['a/rejected', 'ERR_INVALID', refusal]
      ]
    )
    assert.deepEqual(
      world.failed.map(error => error instanceof Error && error.message),
      ['secret', 'another one']
    )
  })
})
