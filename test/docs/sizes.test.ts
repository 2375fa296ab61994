import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { measureSizes } from '../../scripts/sizes.ts'
import { isThorough } from '../support/faults-seed.ts'
import { read } from './support/pages.ts'

const block = /(<!-- size -->\n)([^]*)(\n<!-- \/size -->)/

/** The sizes in a table: names and bytes. */
const sizes = (table: string): Map<string, number> => {
  const rows = [...table.matchAll(/^\| (.*) \| ([\d,+−-]+) \|$/gm)]
  return new Map(
    rows.map(([, name = '', bytes = '']) => [name, Number(bytes.replace('−', '-').replaceAll(/[,+]/g, ''))])
  )
}

describe('the sizes in README.md', () => {
  // UPDATE=1 npx mocha test/docs/sizes.test.ts
  // But for the first two they are looked at by .ci/run, as each needs a bundle: RUNS=2 npx mocha test/docs/sizes.test.ts
  it('are those that are printed, give or take a few', async function () {
    this.timeout(120_000)
    const isWhole = isThorough || process.env['UPDATE'] !== undefined
    const { table: printed } = await measureSizes(isWhole)
    if (process.env['UPDATE']) {
      const update = (_block: string, start: string, _old: string, end: string): string => start + printed + end
      writeFileSync(
        'README.md',
        read('README.md')
          .replace(/<!-- size -->\n<!--/, '<!-- size -->\n\n<!--')
          .replace(block, update)
      )
    }
    const [, , table = ''] = block.exec(read('README.md')) ?? []
    const [said, are] = [sizes(table), sizes(printed)]
    assert.deepEqual([...said.keys()].slice(0, isWhole ? Infinity : are.size), [...are.keys()])
    for (const [name, bytes] of are) {
      const difference = Math.abs((said.get(name) ?? 0) - bytes)
      assert.ok(
        difference <= 50 + Math.abs(bytes) / 50,
        `${name}: ${said.get(name)}, it is ${bytes}: UPDATE=1 npx mocha test/docs/sizes.test.ts`
      )
    }
  })
})
