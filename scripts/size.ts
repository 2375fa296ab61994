// What a page pays for the client: a table of brotli bytes, for the README. With --assert it fails past the budget.
import { fileURLToPath } from 'node:url'
import { compile } from '../bundle/compile.ts'
import { bundle } from '../bundle/index.ts'
import { writeEntry } from '../bundle/entry.ts'
import type { BundleOptions } from '../bundle/index.ts'
import { readCatalog } from '../bundle/parts.ts'

/** For the client with the defaults: docs/design.md, "what the client weighs". 1 KB is 1000 bytes. */
const BUDGET = 6_900

const DEFAULTS = { transformers: ['ws'], parser: 'json', plugins: ['reconnect', 'offline'] }

const number = (bytes: number): string => bytes.toLocaleString('en')
const signed = (bytes: number): string => `${bytes < 0 ? '−' : '+'}${number(Math.abs(bytes))}`

const root = fileURLToPath(new URL('../', import.meta.url))
const measureSource = async (source: string): Promise<number> => (await compile(source, root)).brotli
const measureParts = async (options: BundleOptions): Promise<number> =>
  (await bundle({ ...DEFAULTS, ...options })).brotli

const core = await measureSource(`export * from './core.browser.ts'`)
const parts = await measureParts({})
const catalog = readCatalog()
const kept = await measureSource(`${writeEntry({ plugins: [...DEFAULTS.plugins, 'records'] }, catalog)}
export { keep } from './plugins/records/client.ts'
export { indexeddb } from './stores/indexeddb/client.ts'`)
const rows: [what: string, bytes: string][] = [
  ['core alone', number(core)],
  ['default client: core, ws, json, reconnect, offline', number(parts)],
  ['default client, with webtransport', number(await measureParts({ transformers: ['ws', 'webtransport'] }))],
  [
    'default client, with pubsub, rpc, presence',
    number(await measureParts({ plugins: [...DEFAULTS.plugins, 'pubsub', 'rpc', 'presence'] }))
  ],
  ['default client, with records and indexeddb', number(kept)]
]

const { transformers, parsers, plugins } = catalog
for (const name of plugins.keys()) {
  const others = DEFAULTS.plugins.filter(other => other !== name)
  if (others.length < DEFAULTS.plugins.length)
    rows.push([`without ${name}`, signed((await measureParts({ plugins: others })) - parts)])
  else rows.push([`with ${name}`, signed((await measureParts({ plugins: [...others, name] })) - parts)])
}
for (const name of parsers.keys()) {
  if (name !== DEFAULTS.parser)
    rows.push([`with ${name} instead of json`, signed((await measureParts({ parser: name })) - parts)])
}
for (const name of transformers.keys()) {
  if (DEFAULTS.transformers.includes(name)) continue
  rows.push([`with ${name} beside ws`, signed((await measureParts({ transformers: ['ws', name] })) - parts)])
}

console.log('| client for browsers | bytes, minified and brotli |\n| --- | ---: |')
for (const [what, bytes] of rows) console.log(`| ${what} | ${bytes} |`)

if (parts > BUDGET) {
  console.log(`\nTOO LARGE: the default client has ${number(parts)} bytes, ${number(BUDGET)} are its budget`)
  if (process.argv.includes('--assert')) process.exitCode = 1
} else console.log(`\nok: the default client is within ${number(BUDGET)} bytes`)
