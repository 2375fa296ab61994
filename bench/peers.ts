import { createRequire } from 'node:module'

/** Loads one of the packages of bench/package.json. They are no dependencies of the project, so it has no types of them. */
export function peer<T>(name: string): T {
  return createRequire(import.meta.url)(name) as T
}
