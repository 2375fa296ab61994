import { rmSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const root = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Makes one file of JavaScript from sources, for threads, which tsx does not reach in Node 20, and for processes that should
 * start quickly.
 * @param entry - from the root of the project
 * @returns its path; it goes with this process
 */
export const bundled = (entry: string): string => {
  // Within the project, so that it finds the packages.
  const outfile = `${root}node_modules/.cache/anywire/${basename(entry, '.ts')}-${process.pid}.mjs`
  buildSync({
    entryPoints: [root + entry],
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
