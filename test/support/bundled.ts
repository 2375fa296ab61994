import { rmSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { buildSync } from 'esbuild'

/** Within the project, so that it finds the packages. */
const FOLDER = 'node_modules/.cache/anywire'

/**
 * Makes one file of JavaScript from sources, for threads, which tsx does not reach in Node 20, and for processes that should
 * start quickly.
 * @param entry - from the root of the project
 * @param folder - where to; what imports this package by its name must not be below `node_modules`
 * @returns its path; it goes with this process
 */
export const bundled = (entry: string, folder = FOLDER): string => {
  const name = entry.replaceAll('/', '-')
  const outfile = resolve(folder, `${basename(name, '.ts')}-${process.pid}.mjs`)
  buildSync({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    // Its files lie where they lay.
    define: { 'import.meta.dirname': JSON.stringify(resolve(dirname(entry))) }
  })
  process.once('exit', () => rmSync(outfile, { force: true }))
  return outfile
}
