import { rmSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { buildSync } from 'esbuild'
import { sqlite as built } from '../../stores/sqlite/index.ts'
import type { SqliteOptions } from '../../stores/sqlite/index.ts'

const local = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** The file of its threads, made from the sources: tsx does not reach threads in Node 20. */
const buildWorker = (): URL => {
  const outfile = local(`../../node_modules/.cache/anywire/sqlite-worker-${process.pid}.mjs`)
  const entry = local('../../stores/sqlite/worker.ts')
  buildSync({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20' })
  process.once('exit', () => rmSync(outfile, { force: true }))
  return pathToFileURL(outfile)
}

const fromSources = import.meta.url.endsWith('.ts') ? { worker: buildWorker() } : {}

/** The store as it is in the sources. */
export const sqlite = (file: string, options: SqliteOptions = {}): ReturnType<typeof built> =>
  built(file, { ...fromSources, ...options })
