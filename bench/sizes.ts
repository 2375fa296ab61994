import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { install } from './install.ts'
import { peer } from './peers.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Size {
  client: string
  minified: number
  gzip: number
  brotli: number
  /** The most that it may have, in bytes of brotli. */
  budget: number | undefined
}

/** A client, as the entry module of an application that uses nothing but it. */
interface Entry {
  /** Where its imports are looked up. */
  from: string
  code: string
  budget?: number
}

const plugins = ['pubsub', 'rpc', 'presence', 'records']

/** anywire's own: with its defaults (ws, json, reconnect, offline), without any, and with the plugins for data. */
const own: Record<string, Entry> = {
  anywire: { from: root, code: `export { connect } from 'anywire'`, budget: 5 * 1024 },
  'anywire/core + ws + json': {
    from: root,
    code: `
      export { connect } from 'anywire/core'
      export { ws } from 'anywire/transformers/ws'
      export { json } from 'anywire/parsers/json'`
  },
  [`anywire + ${plugins.join(' + ')}`]: {
    from: root,
    code: [
      `export { connect } from 'anywire'`,
      ...plugins.map(name => `export { ${name} } from 'anywire/plugins/${name}'`)
    ].join('\n'),
    budget: 13 * 1024
  }
}
