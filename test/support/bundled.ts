import { rmSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { buildSync } from 'esbuild'

/**
 * Makes one file of JavaScript from sources, for threads, which tsx does not reach in Node 20, and for processes that should
 * start quickly.
 * @param entry - from the root of the project
 * @returns its path; it goes with this process
 */
export const bundled = (entry: string): string => {
  // Within the project, so that it finds the packages.
  const outfile = resolve(`node_modules/.cache/anywire/${basename(entry, '.ts')}-${process.pid}.mjs`)
  buildSync({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external'
  })
  process.once('exit', () => rmSync(outfile, { force: true }))
  return outfile
}
