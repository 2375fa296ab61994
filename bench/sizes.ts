import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { install } from './install.ts'
import { peer } from './peers.ts'

/** A client, as the entry module of a page that uses nothing else. */
interface Entry {
  code: string
  /** Where its imports are looked up; default: bench/. */
  directory?: string
  /** The built files that it takes. */
  needs?: string[]
}

interface Size {
  minified: number
  gzip: number
  brotli: number
}

const bench = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('..', import.meta.url))
const plugins = ['pubsub', 'rpc', 'presence']

const entries = (): Record<string, Entry> => ({
  'anywire: ws, json, reconnect, offline, wires': {
    code: `export { connect } from 'anywire'`,
    directory: root,
    needs: ['browser.js']
  },
  'anywire/core, ws, json': {
    code: `
      export { connect } from 'anywire/core'
      export { ws } from 'anywire/transformers/ws'
      export { json } from 'anywire/parsers/json'`,
    directory: root,
    needs: ['core.browser.js', 'transformers/ws/client.js', 'parsers/json.js']
  },
  [`anywire, ${plugins.join(', ')}`]: {
    code: plugins.reduce(
      (code, name) => `${code}\nexport { ${name} } from 'anywire/plugins/${name}'`,
      `export { connect } from 'anywire'`
    ),
    directory: root,
    needs: ['browser.js', ...plugins.map(name => `plugins/${name}/client.js`)]
  },
  'anywire, records, indexeddb': {
    code: `
      export { connect } from 'anywire'
      export { keep, records } from 'anywire/plugins/records'
      export { indexeddb } from 'anywire/stores/indexeddb'`,
    directory: root,
    needs: ['browser.js', 'plugins/records/client.js', 'stores/indexeddb/client.js']
  },
  'socket.io-client': { code: `export { io } from 'socket.io-client'` },
  'engine.io-client': { code: `export { Socket } from 'engine.io-client'` },
  'primus, ws': { code: primus() },
  'yjs, y-websocket, y-indexeddb': {
    code: `
      export { Doc } from 'yjs'
      export { WebsocketProvider } from 'y-websocket'
      export { IndexeddbPersistence } from 'y-indexeddb'`
  },
  'tinybase, mergeable, WebSocket, IndexedDB': {
    code: `
      export { createMergeableStore } from 'tinybase/mergeable-store'
      export { createWsSynchronizer } from 'tinybase/synchronizers/synchronizer-ws-client'
      export { createIndexedDbPersister } from 'tinybase/persisters/persister-indexed-db'`
  }
})

/** Primus generates its client from a running server. */
function primus(): string {
  const Primus = peer<new (http: unknown, options: object) => { library(): string; destroy(): void }>('primus')
  const server = new Primus(createServer(), { transformer: 'websockets' })
  const library = server.library()
  server.destroy()
  return library
}

async function measure({ code, directory = bench }: Entry): Promise<Size> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: directory },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error'
  })
  const bytes = outputFiles[0]?.contents ?? new Uint8Array()
  return { minified: bytes.length, gzip: gzipSync(bytes).length, brotli: brotliCompressSync(bytes).length }
}

function table(sizes: Record<string, Size>): string {
  const width = Math.max(...Object.keys(sizes).map(name => name.length))
  const line = (name: string, cells: string[]): string =>
    name.padEnd(width) + cells.map(cell => cell.padStart(12)).join('')
  return [
    line('bytes', ['minified', 'gzip', 'brotli']),
    ...Object.entries(sizes).map(([name, size]) => line(name, [size.minified, size.gzip, size.brotli].map(String)))
  ].join('\n')
}

install()
const sizes: Record<string, Size> = {}
for (const [name, entry] of Object.entries(entries())) {
  if (entry.needs?.every(file => existsSync(`${root}dist/${file}`)) ?? true) sizes[name] = await measure(entry)
  else process.stderr.write(`${name} is left out: it is not built\n`)
}
process.stdout.write(`${process.argv.includes('--json') ? JSON.stringify(sizes, null, 2) : table(sizes)}\n`)
