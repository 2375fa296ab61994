import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, promises as fs } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { bundle } from '../../bundle/index.ts'
import { run } from '../cli/run.ts'

const PLUGINS = ['reconnect', 'rpc', 'records', 'mine']

/** What applications write, right and wrong. */
const USE = (from: string): string => `
const client = ${from}connect('/', { mine: { color: 'red' } })
client.reconnect.now()
const color: 'red' = client.mine.color
client.records.get('todos/1').set('done', true)
const code: string = new ${from}AnywireError(['ERR_CLOSED', 0, '']).code
${from}keep(${from}indexeddb('app'))
// @ts-expect-error: there is no such plugin
client.offline
// @ts-expect-error: nor such an option
${from}connect('/', { mine: { colour: 'red' } })
`

describe('the declarations of a bundle', function () {
  this.timeout(60_000)
  let folder: string

  before(async () => {
    folder = await fs.mkdtemp(join(tmpdir(), 'anywire-types-'))
    await fs.mkdir(join(folder, 'node_modules'))
    await fs.symlink(resolve(), join(folder, 'node_modules', 'anywire'))
    await fs.writeFile(
      join(folder, "user's.js"),
      `export const make = ({ color } = {}) => ({ name: 'mine', version: 1, client: () => ({ color }) })`
    )
    await fs.writeFile(
      join(folder, "user's.d.ts"),
      `export declare const make: (options?: { color: 'red' }) =>
         { readonly name: 'mine', readonly version: 1, client(): { readonly color: 'red' } }`
    )
  })

  after(() => fs.rm(folder, { recursive: true }))

  const make = async (out: string, ...more: readonly string[]) => {
    const { code, stderr } = await run(['bundle', '--no-minify', '--out', join(folder, out), ...more])
    assert.equal(code, 0, stderr)
    return stderr
  }

  /** Those of a script that sets one variable, without a look at how large it is: that takes longer than all the rest. */
  const declare = async (out: string, global: string): Promise<void> => {
    const { types } = await bundle({
      plugins: PLUGINS,
      stores: ['indexeddb'],
      imports: { mine: { from: join(folder, "user's.js"), factory: 'make' } },
      format: 'global',
      global,
      minify: false
    })
    await fs.writeFile(join(folder, out), types(join(folder, 'public')))
  }

  it('are written beside it, and are types of all that it exports', async function () {
    if (!existsSync('dist/bundle/index.d.ts')) {
      process.stderr.write('skipped, for want of dist: npm run build\n')
      return this.skip()
    }
    const mine = `mine=${join(folder, "user's.js")}#make`
    const parts = ['--plugins', PLUGINS.join(), '--stores', 'indexeddb', '--parser', 'json', '--import', mine]
    await make('public/client.js', ...parts)
    await declare('public/script.d.ts', 'live.wire')
    const names = `import { connect, AnywireError, keep, indexeddb } from './public/client.js'`
    await fs.writeFile(join(folder, 'use.mts'), `${names}${USE('')}`)
    await declare('public/part.d.ts', 'window.shop.wire')
    for (const [name, global] of Object.entries({ script: 'live.wire', part: 'window.shop.wire' })) {
      await fs.writeFile(
        join(folder, `${name}.mts`),
        `/// <reference path="public/${name}.d.ts" />\n${USE(`${global}.`)}export {}`
      )
    }
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--lib',
      'es2023,dom',
      '--types'
    ]
    const files = [
      'use.mts',
      'script.mts',
      'part.mts',
      ...['client', 'script', 'part'].map(name => `public/${name}.d.ts`)
    ]
    const tsc = promisify(execFile)(
      process.execPath,
      [resolve('node_modules/typescript/bin/tsc'), ...options, '', ...files],
      {
        cwd: folder
      }
    )
    const { stdout } = await tsc.catch((error: unknown) => error as { stdout: string })
    assert.equal(stdout, '')
  })

  it('take no place of what somebody else wrote', async () => {
    const file = join(folder, 'other.d.mts')
    await fs.writeFile(file, 'export declare const connect: unknown')
    assert.match(await make('other.mjs'), /other\.d\.mts is none of ours, and stays as it is\n/)
    assert.equal(await fs.readFile(file, 'utf8'), 'export declare const connect: unknown')
  })
})
