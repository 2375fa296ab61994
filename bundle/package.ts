import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** What this package says about itself, as far as it is needed here. */
export interface Manifest {
  readonly version: string
  readonly exports: Readonly<
    Record<string, string | { readonly browser?: { readonly default: string }; readonly default: string }>
  >
}

/** The folder of this package. It is found by the package's own name, so from its sources as from what is made of them. */
export const packageRoot = (): URL =>
  new URL('.', pathToFileURL(createRequire(import.meta.url).resolve('anywire/package.json')))

/** Reads the package's package.json. */
export const readManifest = (): Manifest =>
  JSON.parse(readFileSync(new URL('package.json', packageRoot()), 'utf8')) as Manifest
