import { dirname, join } from 'node:path/posix'

/** The sources by path from the root of the project. */
export type Sources = ReadonlyMap<string, string>

interface Import {
  /** A path from the root of the project, or the name of a package. */
  readonly target: string
  /** Whether it is erased: `import type` and `export type`. */
  readonly type: boolean
}

const STATIC =
  /^[ \t]*(?:import\s+(type\s+)?(?:[\w$]+\s*,?\s*)?(?:\*\s*as\s+[\w$]+|\{[^}]*\})?\s*from|import|export\s+(type\s+)?(?:\*(?:\s*as\s+[\w$]+)?|\{[^}]*\})\s*from)\s*['"]([^'"]+)['"]/gm
const DYNAMIC = /\bimport\(\s*['"]([^'"]+)['"]/g
const COMMENT = /^[ \t]*(?:\/\*[\s\S]*?\*\/|\/\/.*$)/gm

/** What a source file imports. It relies on the formatter's style, one statement a line; it is not a parser. */
const importsOf = (path: string, source: string): Import[] => {
  const code = source.replace(COMMENT, '')
  const resolve = (specifier: string) => (specifier.startsWith('.') ? join(dirname(path), specifier) : specifier)
  return [
    ...[...code.matchAll(STATIC)].map(([, importType, exportType, specifier = '']) => ({
      target: resolve(specifier),
      type: Boolean(importType ?? exportType)
    })),
    ...[...code.matchAll(DYNAMIC)].map(([, specifier = '']) => ({ target: resolve(specifier), type: false }))
  ]
}

const isFile = (target: string): boolean => target.endsWith('.ts')
const isServer = (path: string): boolean => path.startsWith('lib/server/')
/** `lib`, `parsers`, `transformers/ws`, `plugins/offline`: the folder that is one part. */
const partOf = (path: string): string => /^(?:lib|parsers|[^/]+\/[^/]+)(?=\/)/.exec(path)?.[0] ?? ''
const isPart = (path: string): boolean => /^(parsers|transformers|plugins|stores)\//.test(path)
/**
 * Where a part may use Node: anywhere in a transformer or store but its browser half, and in `index.ts` of a plugin. What a
 * browser half reaches through other files, `waysToNode` finds.
 */
const isNodeHalf = (path: string): boolean =>
  /^transformers\/[^/]+\/(?!client\.ts$)|^plugins\/[^/]+\/index\.ts$|^stores\/(?![^/]+\/client\.ts$)/.test(path)
const isNetwork = (name: string): boolean => /^(ws|engine\.io|@fails-components)\b/.test(name)

/** Why `path` may not import `target`; undefined when it may. */
const objection = (path: string, { target, type }: Import): string | undefined => {
  if (path.startsWith('lib/')) {
    if (!isFile(target)) {
      const allowed = isServer(path) && target.startsWith('node:')
      return allowed ? undefined : 'lib imports no packages, and node:* in lib/server alone'
    }
    if (partOf(target) !== 'lib') return 'lib knows nothing outside of itself'
    return isServer(target) && !isServer(path) && !type ? 'the client never reaches lib/server' : undefined
  }
  if (!isPart(path)) return undefined
  if (!isFile(target)) {
    if (isNetwork(target) && !path.startsWith('transformers/')) return 'only transformers import network libraries'
    if (path.startsWith('parsers/')) return target.startsWith('node:') ? 'parsers are pure' : undefined
    return isNodeHalf(path) ? undefined : 'only the Node half of a part imports node:* and packages'
  }
  if (partOf(target) !== '' && partOf(target) === partOf(path)) return undefined
  if (path.startsWith('plugins/') && target.startsWith('plugins/') && type) return undefined
  if (partOf(target) !== 'lib') return 'a part imports lib and nothing else of the project'
  return isServer(target) && !type && !isNodeHalf(path) ? 'the client never reaches lib/server' : undefined
}

/** Every import that section "Who may import whom" of CONTRIBUTING.md forbids, as `path → target: why`. */
export const forbiddenImports = (sources: Sources): string[] =>
  [...sources].flatMap(([path, source]) =>
    importsOf(path, source).flatMap(found => {
      const why = objection(path, found)
      return why ? [`${path} → ${found.target}: ${why}`] : []
    })
  )

/** The shortest way from each root to code that a browser does not have, as `root → … → target`. */
export const waysToNode = (sources: Sources, roots: readonly string[]): string[] =>
  roots.flatMap(root => {
    const seen = new Set([root])
    const ways = [[root]]
    for (const way of ways) {
      const path = way.at(-1) ?? root
      for (const { target, type } of importsOf(path, sources.get(path) ?? '')) {
        if (type || seen.has(target)) continue
        seen.add(target)
        if (isServer(target) || target.startsWith('node:') || isNetwork(target)) return [[...way, target].join(' → ')]
        if (isFile(target)) ways.push([...way, target])
      }
    }
    return []
  })
