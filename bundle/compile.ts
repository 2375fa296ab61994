import type * as Esbuild from 'esbuild'
import { isBuiltin } from 'node:module'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { AnywireError } from '../lib/errors.ts'
import { ERR_MISSING_PACKAGE, ERR_OPTION } from '../lib/failures.ts'
import { squeeze } from './squeeze.ts'
import type { Code } from './squeeze.ts'

/** What a bundle looks like. */
export interface Shape {
  /** `esm` (default): a module; `global`: a classic script that sets one global variable. */
  readonly format?: 'esm' | 'global' | undefined
  /** The name of that variable. Default: anywire. */
  readonly global?: string | undefined
  /** Default: true. */
  readonly minify?: boolean | undefined
  /** Whether to make a source map too. Default: false. */
  readonly sourcemap?: boolean | undefined
}

/** A bundle, and its size in bytes: as it is, and as it travels. */
export interface Compiled {
  readonly code: string
  /** The source map, as JSON, when it was asked for. The code does not name it: its name is not known here. */
  readonly map?: string
  readonly size: number
  /** At level 9. Compressed when it is asked for, as below. */
  readonly gzip: number
  /** At quality 11. */
  readonly brotli: number
}

/** What a page calls its global object, in front of a name in it. */
export const ITSELF = /^(window|self|globalThis)\./

const GLOBAL = /^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$/

/** Names of which no script can have a global variable: words of the language, and what is there for good. */
const TAKEN = new Set(
  (
    'arguments await break case catch class const continue debugger default delete do else enum eval export extends false ' +
    'finally for function if implements import in instanceof interface let new null package private protected public return ' +
    'static super switch this throw true try typeof var void while with yield Infinity NaN undefined globalThis window self'
  ).split(' ')
)

/** Whether a bundle can be a global variable of this name, and its declarations say so. */
const isGlobal = (name: string): boolean => {
  const [variable = ''] = name.replace(ITSELF, '').split('.')
  return GLOBAL.test(name) && !TAKEN.has(variable)
}

const loadEsbuild = async (): Promise<typeof Esbuild> => {
  try {
    return await import('esbuild')
  } catch (error) {
    throw new AnywireError(ERR_MISSING_PACKAGE, 'npm install --save-dev esbuild', error)
  }
}

/** What esbuild found wrong, as far as the first of it; any other failure as it is. */
const explain = (error: unknown): unknown => {
  const [first] = error instanceof Error && 'errors' in error ? (error as Esbuild.BuildFailure).errors : []
  if (!first) return error
  const { text, location } = first
  const [, name] = /^Could not resolve "((?:@[^/"]+\/)?[^./"][^/"]*)[/"]/.exec(text) ?? []
  if (name !== undefined && !isBuiltin(name)) return new AnywireError(ERR_MISSING_PACKAGE, `npm install ${name}`, error)
  return new AnywireError(ERR_OPTION, location ? `${location.file}: ${text}` : text, error)
}

/**
 * Bundles a module for browsers, ES2022.
 * @param directory - where its imports are resolved from
 * @throws ERR_MISSING_PACKAGE for esbuild, or a package that is imported; ERR_OPTION when anything else cannot be bundled
 */
export const compile = async (source: string, directory: string, shape: Shape = {}): Promise<Compiled> => {
  const { format = 'esm', global = 'anywire', minify = true, sourcemap = false } = shape
  if (!isGlobal(global)) throw new AnywireError(ERR_OPTION, `'${global}' is no name for a global variable`)
  const { build } = await loadEsbuild()
  const result = await build({
    stdin: { contents: source, resolveDir: directory, sourcefile: 'bundle.js' },
    absWorkingDir: directory,
    outfile: 'client.js',
    bundle: true,
    write: false,
    logLevel: 'silent',
    platform: 'browser',
    target: 'es2022',
    minify,
    sourcemap: sourcemap && 'external',
    ...(format === 'esm' ? { format } : { format: 'iife', globalName: global })
  }).catch((error: unknown) => {
    throw explain(error)
  })
  const find = (end: string): string | undefined => result.outputFiles.find(({ path }) => path.endsWith(end))?.text
  const bundled = { code: find('.js') ?? '', map: find('.map') }
  const { code, map } = minify ? await squeeze(bundled, format === 'esm') : bundled
  return measured({ code, map })
}

/** Compressing takes longer than bundling, and few ask. */
const measured = ({ code, map }: Code): Compiled => {
  let zipped: number | undefined
  let compressed: number | undefined
  return {
    code,
    ...(map !== undefined && { map }),
    size: Buffer.byteLength(code),
    get gzip() {
      return (zipped ??= gzipSync(code, { level: 9 }).length)
    },
    get brotli() {
      return (compressed ??= brotliCompressSync(code).length)
    }
  }
}
