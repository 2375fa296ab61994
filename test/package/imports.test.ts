import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { forbiddenImports, waysToNode } from './imports.ts'

/** What is for Node alone. */
const NODE = ['./node', './bundle', './contract', './stores/sqlite', './stores/postgres']

const FOLDERS = ['lib', 'parsers', 'transformers', 'plugins', 'stores', 'bundle']

const readSources = (): Map<string, string> => {
  const inFolder = (folder: string) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name => `${folder}/${name}`)
  const paths = [...readdirSync('.'), ...FOLDERS.filter(existsSync).flatMap(inFolder)]
  return new Map(paths.filter(path => path.endsWith('.ts')).map(path => [path, readFileSync(path, 'utf8')]))
}

type Target = string | { readonly browser?: { readonly default: string }; readonly default: string }

/** The sources of what a bundler for browsers takes from the package. */
const browserEntries = (): string[] => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, Target> }
  return Object.entries(manifest.exports).flatMap(([subpath, target]) => {
    if (typeof target === 'string' || NODE.includes(subpath)) return []
    return [(target.browser ?? target).default.replace('./dist/', '').replace(/js$/, 'ts')]
  })
}

describe('who may import whom', () => {
  it('holds for every source', () => {
    assert.deepEqual(forbiddenImports(readSources()), [])
  })

  it('keeps Node out of everything that a browser loads', () => {
    const sources = readSources()
    const entries = browserEntries()
    assert.deepEqual(
      entries.filter(entry => !sources.has(entry)),
      [],
      'package.json exports files that do not exist'
    )
    const browserHalves = [...sources.keys()].filter(path => path.endsWith('/client.ts') && !path.startsWith('lib/'))
    assert.deepEqual(waysToNode(sources, [...entries, ...browserHalves, 'bundle/with-parts.ts']), [])
  })

  const forbidden: [path: string, source: string][] = [
    ['lib/a.ts', `import { readFile } from 'node:fs/promises'`],
    ['lib/a.ts', `import {\n  WebSocket\n} from 'ws'`],
    ['lib/a.ts', `import type { WebSocket } from 'ws'`],
    ['lib/a.ts', `import { EventEmitter } from 'eventemitter3'`],
    ['lib/a.ts', `import { json } from '../parsers/json.ts'`],
    ['lib/a.ts', `export { json } from '../parsers/json.ts'`],
    ['lib/a.ts', `import '../index.ts'`],
    ['lib/a.ts', `const late = import('../plugins/rooms/index.ts')`],
    ['lib/a.ts', `import { Server } from './server/server.ts'`],
    ['lib/server/a.ts', `import { ws } from '../../transformers/ws/index.ts'`],
    ['lib/server/a.ts', `import { WebSocketServer } from 'ws'`],
    ['parsers/a.ts', `import { Buffer } from 'node:buffer'`],
    ['parsers/a.ts', `import { rooms } from '../plugins/rooms/index.ts'`],
    ['transformers/a/client.ts', `import { WebSocket } from 'ws'`],
    ['transformers/a/client.ts', `import { Server } from '../../lib/server/server.ts'`],
    ['transformers/a/index.ts', `import { memory } from '../memory/index.ts'`],
    ['transformers/a/index.ts', `import { json } from '../../parsers/json.ts'`],
    ['plugins/a/client.ts', `import { createHash } from 'node:crypto'`],
    ['plugins/a/index.ts', `import { b } from '../b/index.ts'`],
    ['plugins/a/index.ts', `import { WebSocket } from 'ws'`],
    ['plugins/a/wire.ts', `import { connect } from '../../index.ts'`],
    ['stores/a/client.ts', `import { DatabaseSync } from 'node:sqlite'`],
    ['stores/a/index.ts', `import { records } from '../../plugins/records/index.ts'`],
    ['stores/a/index.ts', `import { memory } from '../memory.ts'`],
    ['stores/a.ts', `import { memory } from './memory.ts'`]
  ]
  for (const [path, source] of forbidden) {
    it(`forbids ${source.replace(/\s+/g, ' ')} in ${path}`, () => {
      assert.equal(forbiddenImports(new Map([[path, source]])).length, 1)
    })
  }

  const allowed: [path: string, source: string][] = [
    ['lib/a.ts', `import { Run } from './run.ts'\nimport type { Server } from './server/server.ts'`],
    ['lib/server/a.ts', `import { randomBytes } from 'node:crypto'\nimport { Run } from '../run.ts'`],
    ['lib/a.ts', `/**\n * import { ws } from 'ws'\n */\n// import 'ws'`],
    ['parsers/msgpack.ts', `import { depth } from './depth.ts'\nimport type { Parser } from '../lib/parser.ts'`],
    ['transformers/ws/index.ts', `import { WebSocketServer } from 'ws'\nimport { dial } from './client.ts'`],
    ['plugins/a/client.ts', `import type { B } from '../b/index.ts'\nimport { Lane } from '../../lib/lane.ts'`],
    ['stores/sqlite/worker.ts', `import { DatabaseSync } from 'node:sqlite'\nimport { write } from './write.ts'`],
    ['stores/a.ts', `import { textOf } from '../lib/errors.ts'`]
  ]
  for (const [path, source] of allowed) {
    it(`allows ${source.replace(/\s+/g, ' ')} in ${path}`, () => {
      assert.deepEqual(forbiddenImports(new Map([[path, source]])), [])
    })
  }

  it('finds the way from the browser to Node, through any number of files', () => {
    const sources = new Map([
      ['browser.ts', `export * from './lib/a.ts'`],
      ['lib/a.ts', `import type { Server } from './server/s.ts'\nimport { b } from './b.ts'`],
      ['lib/b.ts', `import { a } from './a.ts'\nimport { c } from '../transformers/c/index.ts'`],
      ['transformers/c/index.ts', `import { WebSocketServer } from 'ws'`]
    ])
    assert.deepEqual(waysToNode(sources, ['browser.ts']), [
      'browser.ts → lib/a.ts → lib/b.ts → transformers/c/index.ts → ws'
    ])
    sources.set('transformers/c/index.ts', '')
    assert.deepEqual(waysToNode(sources, ['browser.ts']), [])
  })
})
