import { isAbsolute, relative, resolve, sep } from 'node:path'
import { ITSELF } from './compile.ts'
import type { Shape } from './compile.ts'
import { choose } from './entry.ts'
import type { Ingredients } from './entry.ts'
import type { Catalog } from './parts.ts'

/** How they begin: a file that begins otherwise is somebody else's. */
export const MADE = '// Made by anywire, beside the bundle.'

/** What the entry exports of the core. */
const CORE = ['AnywireError', 'retryable']

/** A module as it is named in a file of a folder. Names of packages are the same everywhere. */
const seenFrom = (folder: string, module: string): string => {
  if (!/^\.\.?(\/|$)/.test(module) && !isAbsolute(module)) return module
  const path = relative(folder, resolve(module)).split(sep).join('/')
  return path.startsWith('.') ? path : `./${path}`
}

/**
 * Writes the declarations of a bundle.
 * @param folder - where they will be
 * @throws ERR_OPTION as `choose` does
 */
export const writeDeclarations = (
  ingredients: Ingredients,
  catalog: Catalog,
  { format, global = 'anywire' }: Pick<Shape, 'format' | 'global'>,
  folder: string
): string => {
  const { parts, plugins } = choose(ingredients, catalog)
  const all = new Map(
    [...parts].map(([name, { types, factory }]) => [name, { from: seenFrom(folder, types), factory }])
  )
  for (const name of CORE) all.set(name, { from: 'anywire/core', factory: name })
  const lines = (keyword: string, names: Iterable<string>): string[] =>
    [...names].flatMap(name => {
      const { from, factory } = all.get(name) ?? { from: '', factory: '' }
      return `${keyword} { ${factory === name ? name : `${factory} as ${name}`} } from ${JSON.stringify(from)}`
    })
  const connect = `BundleConnect<{ ${plugins.map(name => `readonly ${name}: typeof ${name}`).join('; ')} }>`
  const head = [MADE, `import type { BundleConnect } from "anywire/bundle"`]
  if (format !== 'global') {
    return [
      ...head,
      ...lines('import type', plugins),
      ...lines('export', all.keys()),
      `export type * from "anywire/core"`,
      `export declare const connect: ${connect}`,
      ''
    ].join('\n')
  }
  const [variable, ...inner] = global.replace(ITSELF, '').split('.')
  const members = [`readonly connect: ${connect}`, ...[...all.keys()].map(name => `readonly ${name}: typeof ${name}`)]
  const type = inner.reduceRight(
    (type, name) => `{ readonly ${name}: ${type} }`,
    `{\n    ${members.join('\n    ')}\n  }`
  )
  return [...head, ...lines('import type', all.keys()), `declare global {`, `  var ${variable}: ${type}`, `}`, ''].join(
    '\n'
  )
}
