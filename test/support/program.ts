import { fileURLToPath } from 'node:url'

const root = new URL('../../', import.meta.url)

/**
 * What Node is given to run a program of the project: in these tests' own language, as TypeScript or as what was compiled.
 * @param source - its path in the project
 * @param preloads - what Node imports before
 */
export const program = (source: string, preloads: readonly string[] = []): string[] => {
  const isSource = import.meta.url.endsWith('.ts')
  const flags = [...(isSource ? ['tsx'] : []), ...preloads].flatMap(name => ['--import', name])
  return [...flags, fileURLToPath(new URL(isSource ? source : source.replace(/ts$/, 'js'), root))]
}
