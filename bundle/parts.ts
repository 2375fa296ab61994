import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readManifest } from './package.ts'

export type Kind = 'transformers' | 'parsers' | 'plugins' | 'stores'

/** What makes one part of a client. */
export interface Part {
  /** A path, or the name of a package. */
  readonly module: string
  /** What has its types: the same, or what applications import of this package. */
  readonly types: string
  /** The name of the factory that the module exports. */
  readonly factory: string
}

export type Catalog = Readonly<Record<Kind, ReadonlyMap<string, Part>>>

/** The file in this very build for a path in dist; when this is TypeScript, the source. */
export const locate = (path: string): string => {
  const name = path.replace(/^\.\/dist\//, '').replace(/\.js$/, extname(import.meta.url))
  return fileURLToPath(new URL(`../${name}`, import.meta.url))
}

/** The parts of this package that run in a browser, as its exports tell. */
export const readCatalog = (): Catalog => {
  const parts = Object.entries(readManifest().exports)
  const collect = (kind: Kind): Map<string, Part> => {
    const found = new Map<string, Part>()
    for (const [subpath, target] of parts) {
      const [, folder, name] = subpath.split('/')
      if (folder !== kind || name === undefined || typeof target === 'string') continue
      // The Node half of a part that has no other one.
      if (!target.browser && target.default.endsWith('/index.js')) continue
      // A factory is named like its part, without what an identifier cannot have: engineio for engine.io.
      found.set(name, {
        module: locate((target.browser ?? target).default),
        types: `anywire/${kind}/${name}`,
        factory: name.replace(/\W/g, '')
      })
    }
    return found
  }
  return {
    transformers: collect('transformers'),
    parsers: collect('parsers'),
    plugins: collect('plugins'),
    stores: collect('stores')
  }
}
