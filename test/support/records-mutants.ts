import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { transformSync } from 'esbuild'
import type { Core } from './records-history.ts'

const CORE = 'plugins/records/core'

/** In these tests' own language. */
const LIB = `${new URL('../../lib/', import.meta.url).href}$1${extname(import.meta.url)}`

/** One mistake: in a file, other text instead of the first, or last, that is found. */
export interface Mutant {
  readonly what: string
  readonly file: string
  readonly from: string
  readonly to: string
  readonly isLast?: boolean
}

const compile = (source: string): string =>
  transformSync(source, { loader: 'ts' })
    .code.replaceAll(/\.\.\/\.\.\/\.\.\/lib\/([\w/-]+)\.ts/g, LIB)
    .replaceAll(/("\.\/[\w-]+)\.ts"/g, '$1.js"')

/** The sources of what merges, by their names, and what they are compiled to. */
const sources = new Map(
  readdirSync(CORE)
    .filter(name => name.endsWith('.ts'))
    .map(name => {
      const source = readFileSync(join(CORE, name), 'utf8')
      return [name, { source, compiled: compile(source) }] as const
    })
)

/** The code that merges, with a mistake in it: a copy of the sources, made and loaded on the fly. */
export const mutate = async ({ what, file, from, to, isLast = false }: Mutant): Promise<Core> => {
  const folder = mkdtempSync(join(tmpdir(), 'anywire-mutant-'))
  try {
    for (const [name, { source, compiled }] of sources) {
      const isMutated = name === `${file}.ts`
      const at = isLast ? source.lastIndexOf(from) : source.indexOf(from)
      if (isMutated && at < 0) throw new Error(`${what}: ${name} has no '${from}'`)
      const mutated = source.slice(0, at) + to + source.slice(at + from.length)
      writeFileSync(join(folder, name.replace(/ts$/, 'js')), isMutated ? compile(mutated) : compiled)
    }
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    const load = (name: string): Promise<unknown> => import(pathToFileURL(join(folder, `${name}.js`)).href)
    const parts = ['record-state', 'clock', 'tombstones', 'digest']
    return Object.assign({}, ...(await Promise.all(parts.map(load)))) as Core
  } finally {
    rmSync(folder, { recursive: true })
  }
}
