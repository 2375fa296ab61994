import { existsSync } from 'node:fs'

/** Where `.ci/glibc` puts a newer C library than the one that is installed. */
const FOLDER = 'node_modules/.cache/glibc/usr/lib/x86_64-linux-gnu'
const LOADER = `${FOLDER}/ld-linux-x86-64.so.2`

/** The C library that the binaries of `@moq/web-transport` were built with. */
const NEEDED = [2, 38] as const

const installed = (): boolean => {
  const report = process.report.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } }
  const [major = 0, minor = 0] = (report.header?.glibcVersionRuntime ?? '').split('.').map(Number)
  return process.platform === 'linux' && (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]))
}

/** How Node is started with a C library that is new enough: a command and its first arguments. Undefined: there is none. */
export const newerNode = (): readonly [command: string, ...arguments_: string[]] | undefined => {
  if (installed()) return [process.execPath]
  return existsSync(LOADER)
    ? [LOADER, '--library-path', `${FOLDER}:/usr/lib/x86_64-linux-gnu`, process.execPath]
    : undefined
}

type Tests = (this: Mocha.Suite) => void

/** A `describe` for tests that need such a Node. Without one they are skipped, and a line says what to do. */
export const describeOverHttp3 = (
  describe_: (title: string, tests: Tests) => void,
  title: string,
  tests: Tests
): void => {
  if (newerNode()) return describe_(title, tests)
  process.stderr.write(`skipped, for want of glibc 2.38: ${title} (.ci/glibc unpacks one)\n`)
  describe.skip(title, tests)
}
