/** anywire/bundle: client bundles for browsers, of exactly the parts that are named. Needs esbuild. */
import { compile } from './compile.ts'
import type { Bundle, Shape } from './compile.ts'
import { writeEntry } from './entry.ts'
import type { Ingredients } from './entry.ts'
import { readCatalog } from './parts.ts'

export interface BundleOptions extends Ingredients, Shape {}

/**
 * Makes a client bundle. It exports `connect(url, options?)`, which has the named parts as its defaults, the factories of
 * these parts under their names, `AnywireError` and `retryable`.
 * @throws ERR_OPTION for a name that is not known, or a module that is not found; ERR_MISSING_PACKAGE without esbuild, or a
 * package that a part needs
 * @example
 * const { code, brotli } = await bundle({ plugins: ['reconnect'], parser: 'msgpack' })
 */
export const bundle = async (options: BundleOptions = {}): Promise<Bundle> =>
  compile(writeEntry(options, readCatalog()), process.cwd(), options)

export type { Bundle, Shape } from './compile.ts'
export type { Import, Ingredients } from './entry.ts'
