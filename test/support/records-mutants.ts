import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Core } from './records-history.ts'

/** Beside compiled tests the sources are compiled too. */
const EXTENSION = extname(import.meta.url)
const CORE = new URL('../../plugins/records/core/', import.meta.url)
const LIB = new URL('../../lib/', import.meta.url)

/** One mistake: in a file, other text instead of the first that is found. */
export interface Mutant {
  readonly what: string
  readonly file: string
  readonly from: string
  readonly to: string
}

/** The code that merges, with a mistake in it: a copy of the sources, made and loaded on the fly. */
export const mutate = async ({ what, file, from, to }: Mutant): Promise<Core> => {
  const folder = mkdtempSync(join(tmpdir(), 'anywire-mutant-'))
  try {
    for (const name of readdirSync(CORE).filter(name => name.endsWith(EXTENSION))) {
      const source = readFileSync(fileURLToPath(new URL(name, CORE)), 'utf8').replaceAll('../../../lib/', LIB.href)
      const isMutated = name === file + EXTENSION
      if (isMutated && !source.includes(from)) throw new Error(`${what}: ${name} has no '${from}'`)
      writeFileSync(join(folder, name), isMutated ? source.replace(from, to) : source)
    }
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    const load = (name: string): Promise<unknown> => import(pathToFileURL(join(folder, name + EXTENSION)).href)
    return { ...((await load('record-state')) as Core), ...((await load('clock')) as Core) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
