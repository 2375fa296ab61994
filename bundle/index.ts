/** anywire/bundle: client bundles for browsers, of exactly the parts that are named. Needs esbuild. */
import { compile } from './compile.ts'
import type { Compiled, Shape } from './compile.ts'
import { writeDeclarations } from './declarations.ts'
import { writeEntry } from './entry.ts'
import type { Ingredients } from './entry.ts'
import { readCatalog } from './parts.ts'

export interface BundleOptions extends Ingredients, Shape {}

/** A bundle, its size in bytes, as it is and as it travels, and its types. */
export interface Bundle extends Compiled {
  /** The text of its declarations, for a file in this folder; default: the current one. */
  types(this: void, folder?: string): string
}

/**
 * Makes a client bundle. It exports `connect(url, options?)`, which has the named parts as its defaults, the factories of
 * these parts under their names, `AnywireError` and `retryable`.
 * @throws ERR_OPTION for a name that is not known, or a module that is not found; ERR_MISSING_PACKAGE without esbuild, or a
 * package that a part needs
 * @example
 * const { code, brotli } = await bundle({ plugins: ['reconnect'], parser: 'msgpack' })
 */
export const bundle = async (options: BundleOptions = {}): Promise<Bundle> => {
  const catalog = readCatalog()
  const directory = process.cwd()
  const compiled = await compile(writeEntry(options, catalog), directory, options)
  // Not copied: what it weighs is only known when it is asked for.
  return Object.assign(compiled, {
    types: (folder = directory) => writeDeclarations(options, catalog, options, folder)
  })
}

export type { Shape } from './compile.ts'
export type { BundleConnect } from './connect.ts'
export type { Import, Ingredients } from './entry.ts'
