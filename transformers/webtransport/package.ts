import type * as WebTransportPackage from '@fails-components/webtransport'
import { createRequire } from 'node:module'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_MISSING_PACKAGE } from '../../lib/failures.ts'

export type { WebTransportPackage }

const NAME = '@fails-components/webtransport'
/** What HTTP/3 takes: native code, which the package looks for when it is loaded. */
const HTTP3 = `${NAME}-transport-http3-quiche`

/** What is on the disk is looked for once, and not for each link. */
let isFound = false
let loading: Promise<typeof WebTransportPackage> | undefined
let loadingHttp3: Promise<boolean> | undefined

/** @throws ERR_MISSING_PACKAGE */
export const checkPackage = (): void => {
  if (isFound) return
  try {
    createRequire(import.meta.url).resolve(NAME)
  } catch (error) {
    // It is for `import` alone, which `require` finds fault with.
    if (!(error instanceof Error && 'code' in error) || error.code === 'MODULE_NOT_FOUND') {
      throw new AnywireError(ERR_MISSING_PACKAGE, `npm install ${NAME}`, error)
    }
  }
  isFound = true
}

export const loadPackage = (): Promise<typeof WebTransportPackage> => {
  checkPackage()
  return (loading ??= load())
}

/** Whether sessions can be over HTTP/3. */
export const hasHttp3 = async (): Promise<boolean> => {
  await loadPackage()
  // The name is no literal, for it is not known to TypeScript.
  return (loadingHttp3 ??= import(HTTP3).then(
    () => true,
    () => false
  ))
}

const load = async (): Promise<typeof WebTransportPackage> => {
  const restore = muteLoader()
  try {
    const loaded = await import('@fails-components/webtransport')
    await loaded.quicheLoaded
    // The package tries twice, and tells when the first attempt is over.
    await new Promise(resolve => setImmediate(resolve))
    return loaded
  } finally {
    restore()
  }
}

const COMPLAINTS = /^Problem loading http3-quiche transport|^Did you install @fails-components|^http3 loader:/

/**
 * Without its package for HTTP/3 the package complains to the console; nobody needs to hear that an option is not used.
 * Whatever else is said meanwhile is said.
 */
const muteLoader = (): (() => void) => {
  const { console: printer } = globalThis
  const { log, error } = printer
  const isMissing = (cause: unknown): boolean =>
    cause === undefined || (cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND')
  const filter =
    (print: (...values: unknown[]) => void) =>
    (...values: unknown[]): void => {
      const [first, cause] = values
      if (typeof first !== 'string' || !COMPLAINTS.test(first) || !isMissing(cause)) print.apply(printer, values)
    }
  const filters = { log: filter(log), error: filter(error) }
  Object.assign(printer, filters)
  return () => {
    // Somebody may have put theirs before ours meanwhile.
    if (printer.log === filters.log) printer.log = log
    if (printer.error === filters.error) printer.error = error
  }
}
