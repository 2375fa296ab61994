import assert from 'node:assert/strict'
import { globals, react } from './support/globals.ts'
import { blocks, pages } from './support/pages.ts'
import { Workshop } from './support/workshop.ts'

describe('the TypeScript in the documentation', () => {
  let workshop: Workshop
  before(() => {
    workshop = new Workshop()
  })
  after(() => workshop.close())

  it('compiles', async function () {
    this.timeout(60_000)
    workshop.write('globals.ts', globals)
    workshop.write('react.d.ts', react)
    const names = new Map<string, string>()
    const whole: string[] = []
    const fragments: string[] = []
    for (const { page, line, info, code } of pages().flatMap(blocks)) {
      if (info !== 'ts') continue
      const name = `${page.replaceAll(/\W/g, '-')}-${line}.ts`
      const end = /^(im|ex)port /m.test(code) ? '' : '\nexport {}'
      // As many lines before it as on the page: the compiler's line numbers are the page's.
      workshop.write(name, '\n'.repeat(line - 1) + code + end)
      names.set(name, page)
      // Who copies what has imports expects that nothing is missing.
      if (/from 'anywire/.test(code)) whole.push(name)
      else fragments.push(name)
    }
    const outputs = [
      await workshop.check(['react.d.ts', ...whole]),
      await workshop.check(['globals.ts', 'react.d.ts', ...fragments])
    ]
    const output = outputs.join('\n')
    const problems = output.split('\n').flatMap(text => {
      const [, name = '', position, problem] = /([^/\\]+\.ts)\((\d+),\d+\): (.*)$/.exec(text) ?? []
      if (problem === undefined) return /^(error|fatal)/.test(text) ? [text] : []
      // What is wrong with the sources is no matter of the documentation.
      const page = name === 'globals.ts' ? name : names.get(name)
      return page === undefined ? [] : [`${page}:${position}: ${problem}`]
    })
    assert.deepEqual(problems, [])
  })

  it('is marked as TypeScript, and nothing else', () => {
    const known = new Set(['', 'ts', 'ts no-check', 'js', 'sh', 'html', 'json'])
    const others = pages()
      .flatMap(blocks)
      .filter(({ info }) => !known.has(info))
    assert.deepEqual(
      others.map(({ page, line, info }) => `${page}:${line}: ${info}`),
      []
    )
  })
})
