import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { consumers } from './declared.ts'

const run = promisify(execFile)
const modules = resolve('node_modules')

/** Runs a command in the consumer's folder; a failure shows what the command printed. */
const inside = async (folder: string, command: string, ...args: string[]): Promise<string> => {
  try {
    return (await run(command, args, { cwd: folder, timeout: 60_000 })).stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error })
  }
}

/** A value there and back: what a first program would do. */
const ECHO = `
  const http = createHttpServer()
  const server = createServer(http)
  server.on('connection', peer => { peer.on('data', value => { peer.write(value) }) })
  http.listen(0, '127.0.0.1', () => {
    const client = connect('http://127.0.0.1:' + http.address().port)
    client.on('data', value => {
      console.log(JSON.stringify(value))
      client.end()
      server.close().then(() => { http.close() })
    })
    client.write({ hello: 'world' })
  })
`

const NODE_TYPES = `
  import { createServer as createHttpServer } from 'node:http'
  import { connect, createServer } from 'anywire'
  const server = createServer(createHttpServer())
  server.on('connection', peer => { const written: boolean = peer.write({ a: 1 }); console.log(written) })
  const client = connect('http://localhost')
  client.on('close', () => {})
`

const PLAIN_TYPES = `
  import { connect } from 'anywire'
  const client = connect('https://example.com', { reconnect: { max: 5_000 } })
  const written: boolean = client.write({ hello: 'world' })
  export const read = async () => { for await (const value of client) console.log(value, written) }
  // @ts-expect-error: not a plugin that is installed
  client.rpc
`

interface Manifest {
  exports: Record<string, string | Readonly<Record<string, unknown>>>
  scripts: Record<string, string>
  peerDependencies: Record<string, string>
}

/** What is for Node alone. */
const NODE = ['node', 'bundle', 'contract', 'stores/sqlite', 'stores/postgres'].map(name => `anywire/${name}`)

/** A commit, and what is read after the store was opened again. */
const KEEP = `
  import { sqlite } from 'anywire/stores/sqlite'
  const store = sqlite('kept.db')
  await store.open()
  await store.commit({ rows: [], removed: [], entries: [['hello', 'world']] })
  await store.close()
  await store.open()
  console.log(await store.entry('hello'))
`

const RESOLUTIONS = [
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'preserve', moduleResolution: 'bundler' }
] as const

/** The folders that a file is in. */
const folders = (file: string): string[] => {
  const folder = dirname(file)
  return folder === '.' ? [] : [folder, ...folders(folder)]
}

describe('the packed package', function () {
  this.timeout(120_000)
  let folder: string
  let files: string[]
  let subpaths: string[]
  let halved: Map<string, boolean>
  let optional: string[]

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'anywire-'))
    const [packed] = JSON.parse(
      await inside('.', 'npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', folder)
    ) as [{ filename: string; files: { path: string }[] }]
    files = packed.files.map(({ path }) => path)
    await writeFile(join(folder, 'package.json'), '{ "private": true }')
    await inside(folder, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', `./${packed.filename}`)
    const manifest = JSON.parse(await readFile('package.json', 'utf8')) as Manifest
    optional = Object.keys(manifest.peerDependencies)
    halved = new Map(
      Object.entries(manifest.exports).flatMap(([key, target]) =>
        typeof target === 'string' ? [] : [[`anywire${key.slice(1)}`, 'browser' in target]]
      )
    )
    subpaths = [...halved.keys()]
  })

  after(() => rm(folder, { recursive: true, force: true }))

  /** Gives the consumer a package of ours. */
  const link = async (name: string): Promise<void> => {
    if (existsSync(join(folder, 'node_modules', name))) return
    await mkdir(join(folder, 'node_modules', name, '..'), { recursive: true })
    await symlink(join(modules, name), join(folder, 'node_modules', name))
  }

  /** The subpaths that browsers use too. */
  const everywhere = (): string[] => subpaths.filter(name => !NODE.includes(name))

  /** Type-checks one source in the consumer's folder, declaration files of the package included. */
  const check = async (source: string, options: object, tsc = join(modules, 'typescript/bin/tsc')): Promise<void> => {
    const compilerOptions = { strict: true, noEmit: true, target: 'es2022', skipLibCheck: false, ...options }
    await writeFile(join(folder, 'check.ts'), source)
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['check.ts'] }))
    await inside(folder, process.execPath, tsc)
  }

  it('has the files that its pages link to', async () => {
    const there = new Set(files.flatMap(file => [file, ...folders(file)]))
    const broken: string[] = []
    for (const page of files.filter(file => file.endsWith('.md'))) {
      for (const [, link = ''] of (await readFile(page, 'utf8')).matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)) {
        if (!there.has(join(dirname(page), link).replace(/\/$/, ''))) broken.push(`${page}: ${link}`)
      }
    }
    assert.deepEqual(broken, [])
  })

  it('has what a user needs and nothing else', async () => {
    const expected =
      /^(dist\/.+(?<!\.test)\.(js|d\.ts)|dist\/client\/.+\.map|docs\/.+|examples\/.+|README\.md|CHANGELOG\.md|CONTRIBUTING\.md|PROTOCOL\.md|LICENSE|package\.json)$/
    assert.deepEqual(
      files.filter(file => !expected.test(file)),
      []
    )
    assert.deepEqual(
      files.filter(file => /^dist\/(bench|examples|scripts|test\/(?!contract\/))/.test(file)),
      []
    )
    for (const file of ['README.md', 'CHANGELOG.md', 'PROTOCOL.md', 'LICENSE']) assert.ok(files.includes(file), file)
  })

  it('is built before it is packed, by whom it ever is', async () => {
    const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as Manifest
    assert.equal(scripts['prepack'], 'npm run --silent build')
  })

  it('brings ws and nothing else', async () => {
    const installed = await readdir(join(folder, 'node_modules'))
    assert.deepEqual(installed.filter(name => !name.startsWith('.')).sort(), ['anywire', 'ws'])
  })

  it('works with import', async () => {
    const source = `import { createServer as createHttpServer } from 'node:http'\nimport { connect, createServer } from 'anywire'\n${ECHO}`
    await writeFile(join(folder, 'echo.mjs'), source)
    assert.equal(await inside(folder, process.execPath, 'echo.mjs'), '{"hello":"world"}\n')
  })

  it('works with require', async () => {
    const source = `const { createServer: createHttpServer } = require('node:http')\nconst { connect, createServer } = require('anywire')\n${ECHO}`
    await writeFile(join(folder, 'echo.cjs'), source)
    assert.equal(await inside(folder, process.execPath, 'echo.cjs'), '{"hello":"world"}\n')
  })

  it('has the suites that need no optional package, and says which one the others need', async () => {
    await writeFile(
      join(folder, 'suites.mjs'),
      `import { parserContract, pluginContract, storeContract, transformerContract } from 'anywire/contract'
      globalThis.describe = name => console.log(name)
      pluginContract('a', () => ({}))
      transformerContract('b', () => ({}))
      for (const contract of [() => parserContract('c', () => ({}), { supports: {} }), () => storeContract('d', () => ({}))]) {
        try {
          contract()
        } catch (error) {
          console.log(error.code, error.message)
        }
      }`
    )
    const missing = 'ERR_MISSING_PACKAGE An optional package is not installed: npm install --save-dev fast-check'
    assert.equal(
      await inside(folder, process.execPath, 'suites.mjs'),
      `a: the contract of plugins\nb: the contract of transformers\n${missing}\n${missing}\n`
    )
  })

  describe('beside the optional packages', () => {
    before(() => Promise.all(optional.map(link)))

    it('has every subpath, for import and for require', async () => {
      const names = subpaths.filter(name => name !== 'anywire/contract')
      await writeFile(join(folder, 'all.mjs'), names.map(name => `import '${name}'\n`).join(''))
      await writeFile(join(folder, 'all.cjs'), names.map(name => `require('${name}')\n`).join(''))
      await inside(folder, process.execPath, 'all.mjs')
      await inside(folder, process.execPath, 'all.cjs')
    })

    it('keeps records in a file, by threads of its own', async () => {
      await writeFile(join(folder, 'keep.mjs'), KEEP)
      assert.equal(await inside(folder, process.execPath, 'keep.mjs'), 'world\n')
    })

    describe('in a bundle for browsers', () => {
      it('has nothing of Node', async () => {
        const contents = everywhere()
          .map((name, index) => `export * as part${index} from '${name}'\n`)
          .join('')
        const { metafile, warnings } = await build({
          stdin: { contents, resolveDir: folder },
          bundle: true,
          format: 'esm',
          platform: 'browser',
          metafile: true,
          write: false
        })
        assert.deepEqual(warnings, [])
        const inputs = Object.keys(metafile.inputs)
        assert.deepEqual(
          inputs.filter(input => /lib\/server\/|node_modules\/ws\//.test(input)),
          []
        )
        assert.deepEqual(
          Object.values(metafile.outputs).flatMap(output => output.imports),
          []
        )
      })
    })

    describe('type-checks', () => {
      for (const { module, moduleResolution } of RESOLUTIONS) {
        const options = { module, moduleResolution, types: [], lib: ['es2022', 'dom', 'dom.asynciterable'] }

        it(`without @types/node, ${moduleResolution}`, () => check(PLAIN_TYPES, options))

        it(`every subpath without @types/node, ${moduleResolution}`, () =>
          check(
            everywhere()
              .map(name => `import '${name}'\n`)
              .join(''),
            options
          ))
      }

      it('of the browser half, under the browser condition', async () => {
        const lib = ['es2022', 'dom', 'dom.asynciterable']
        await check(PLAIN_TYPES, {
          module: 'preserve',
          moduleResolution: 'bundler',
          customConditions: ['browser'],
          types: [],
          lib
        })
      })

      it('with @types/node', async () => {
        await link('@types/node')
        await link('undici-types')
        const all = subpaths.map(name => `import '${name}'\n`).join('')
        for (const resolution of RESOLUTIONS) {
          await check(`${all}${NODE_TYPES}`, { ...resolution, types: ['node'], lib: ['es2022'] })
        }
      })

      it('every subpath with the oldest TypeScript that README.md names', async () => {
        await Promise.all(['@types/node', 'undici-types'].map(link))
        const [, oldest] = /TypeScript, which is ([\d.]+) or later/.exec(await readFile('README.md', 'utf8')) ?? []
        const old = join(folder, 'old')
        await mkdir(old)
        await writeFile(join(old, 'package.json'), '{ "private": true }')
        await inside(old, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', `typescript@~${oldest}.0`)
        const tsc = join(old, 'node_modules/typescript/bin/tsc')
        const sources = (names: readonly string[]): string => names.map(name => `import '${name}'\n`).join('')
        const dom = ['es2022', 'dom', 'dom.asynciterable']
        for (const resolution of RESOLUTIONS) {
          await check(sources(subpaths), { ...resolution, types: ['node'], lib: ['es2022'] }, tsc)
          await check(sources(everywhere()), { ...resolution, types: [], lib: dom }, tsc)
        }
        const browser = { ...RESOLUTIONS[1], customConditions: ['browser'] }
        await check(sources(everywhere()), { ...browser, types: [], lib: dom }, tsc)
      })

      it('what others export, with declarations of it', async () => {
        await Promise.all(['@types/node', 'undici-types'].map(link))
        const projects = consumers(halved).map((consumer, index) => ({ ...consumer, name: `declared-${index}` }))
        for (const { name, source, condition } of projects) {
          const compilerOptions = {
            strict: true,
            target: 'es2022',
            module: 'preserve',
            moduleResolution: 'bundler',
            customConditions: condition ? [condition] : [],
            types: condition ? [] : ['node'],
            lib: ['es2022', 'dom', 'dom.asynciterable'],
            skipLibCheck: true,
            declaration: true,
            emitDeclarationOnly: true,
            outDir: 'out'
          }
          await mkdir(join(folder, name))
          await writeFile(join(folder, name, 'index.ts'), source)
          await writeFile(join(folder, name, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['index.ts'] }))
        }
        const names = projects.map(({ name }) => name)
        await inside(folder, process.execPath, join(modules, 'typescript/bin/tsc'), '--build', ...names)
      })

      it('what the sources promise, and refuses what they refuse', async () => {
        const source = await readFile('test/types/api.ts', 'utf8')
        const lib = ['es2022', 'dom', 'dom.asynciterable']
        await check(source.replaceAll('../../index.ts', 'anywire'), {
          module: 'nodenext',
          moduleResolution: 'nodenext',
          types: ['node'],
          lib
        })
      })
    })
  })
})
