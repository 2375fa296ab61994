import type { ClientBundle } from '../lib/server/options.ts'
import { packageRoot, readManifest } from './package.ts'

/**
 * The client that comes with the package, made from browser.ts by `npm run build`. Undefined where the package cannot find
 * itself any more, because somebody bundled it into something else.
 */
export const readyMade = (): ClientBundle | undefined => {
  try {
    return { location: new URL('dist/client/', packageRoot()), version: readManifest().version }
  } catch {
    return undefined
  }
}
