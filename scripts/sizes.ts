import { bundle } from '../bundle/index.ts'
import type { BundleOptions } from '../bundle/index.ts'
import { compile } from '../bundle/compile.ts'
import { writeEntry } from '../bundle/entry.ts'
import { locate, readCatalog } from '../bundle/parts.ts'
import type { Catalog } from '../bundle/parts.ts'

const DEFAULTS = { transformers: ['ws'], parser: 'json', plugins: ['reconnect', 'offline'] }

/** What a page pays for the client. */
export interface Sizes {
  /** Bytes of the client with the defaults. */
  readonly client: number
  /** The table of README.md. */
  readonly table: string
}

const number = (bytes: number): string => bytes.toLocaleString('en')
const signed = (bytes: number): string => `${bytes < 0 ? '−' : '+'}${number(Math.abs(bytes))}`

const measureSource = async (source: string): Promise<number> => (await compile(source, process.cwd())).brotli
const measureParts = async (options: BundleOptions): Promise<number> =>
  (await bundle({ ...DEFAULTS, ...options })).brotli

const exportFrom = (names: string, path: string): string => `export ${names} from ${JSON.stringify(locate(path))}`

/**
 * Makes each bundle of the table once, and measures what travels of it.
 * @param whole - whether to have all rows, or the first two: what everybody has. A bundle takes a second or two.
 */
export const measureSizes = async (whole = true): Promise<Sizes> => {
  const catalog = readCatalog()
  const core = await measureSource(exportFrom('*', './dist/core.browser.js'))
  const client = await measureParts({})
  const rows = [
    ['core alone', number(core)],
    ['default client: core, ws, json, reconnect, offline', number(client)],
    ...(whole ? await measureOthers(client, catalog) : [])
  ]
  const lines = ['client for browsers | bytes, minified and brotli', '--- | ---:', ...rows.map(row => row.join(' | '))]
  return { client, table: lines.map(line => `| ${line} |`).join('\n') }
}

/** The rows of larger clients, and of single parts beside the default client. */
const measureOthers = async (client: number, catalog: Catalog): Promise<string[][]> => {
  const withPlugins = (...names: readonly string[]): BundleOptions => ({ plugins: [...DEFAULTS.plugins, ...names] })
  const quick = await measureParts({ transformers: ['ws', 'webtransport'] })
  const talking = await measureParts(withPlugins('pubsub', 'rpc', 'presence'))
  // As an application's own bundler has it: a bundle of ours has all that applications import beside the plugin.
  const kept = await measureSource(
    [
      writeEntry(DEFAULTS, catalog),
      exportFrom('{ keep, records }', './dist/plugins/records/client.js'),
      exportFrom('{ indexeddb }', './dist/stores/indexeddb/client.js')
    ].join('\n')
  )
  const rows = [
    ['default client, with webtransport', number(quick)],
    ['default client, with pubsub, rpc, presence', number(talking)],
    ['default client, with records and indexeddb', number(kept)]
  ]
  for (const name of catalog.plugins.keys()) {
    const others = DEFAULTS.plugins.filter(other => other !== name)
    const isDefault = others.length < DEFAULTS.plugins.length
    const bytes = await measureParts(isDefault ? { plugins: others } : withPlugins(name))
    rows.push([`${isDefault ? 'without' : 'with'} ${name}`, signed(bytes - client)])
  }
  for (const name of catalog.parsers.keys()) {
    if (name === DEFAULTS.parser) continue
    rows.push([`with ${name} instead of json`, signed((await measureParts({ parser: name })) - client)])
  }
  for (const name of catalog.transformers.keys()) {
    if (DEFAULTS.transformers.includes(name)) continue
    const bytes = name === 'webtransport' ? quick : await measureParts({ transformers: ['ws', name] })
    rows.push([`with ${name} beside ws`, signed(bytes - client)])
  }
  return rows
}
