import { AnywireError } from '../lib/errors.ts'
import { ERR_OPTION } from '../lib/failures.ts'
import { locate } from './parts.ts'
import type { Catalog, Kind, Part } from './parts.ts'

/** A module from elsewhere: a path from the current folder, or the name of a package; and its factory's name there. */
export interface Import {
  readonly from: string
  /** Default: the name that it is given here. */
  readonly factory?: string
}

/** What goes into a bundle. */
export interface Ingredients {
  /** In order of preference. Default: ws. */
  readonly transformers?: readonly string[] | undefined
  /** Installed in order. Default: reconnect and offline; and wires, where there are several transformers. */
  readonly plugins?: readonly string[] | undefined
  /** What the plugin records may keep its data in, by `keep`: `indexeddb`. Default: none, and no `keep`. */
  readonly stores?: readonly string[] | undefined
  /** Default: json. */
  readonly parser?: string | undefined
  /**
   * Parts that are not anywire's, by the names that the lists above then use. A string is short for `{ from }`.
   * @example { plugins: ['reconnect', 'cursors'], imports: { cursors: './plugins/cursors.js' } }
   */
  readonly imports?: Readonly<Record<string, string | Import>> | undefined
}

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/

const KINDS = { transformers: 'transformer', parsers: 'parser', plugins: 'plugin', stores: 'store' }

/** What applications use of a plugin beside its factory. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  records: ['between', 'hasMember', 'history', 'itemsOf', 'list', 'members', 'membersOf', 'pathOf'],
  rpc: ['RpcError']
}

/** And of records, where there is a store: it is half as much again. */
const KEEPING = ['keep', 'migrations']

const checkIdentifier = (name: string): string => {
  if (IDENTIFIER.test(name)) return name
  throw new AnywireError(ERR_OPTION, `'${name}' is no name that JavaScript could import`)
}

const list = (names: Iterable<string>): string => [...names].sort().join(', ')

/** What a bundle exports beside `connect`, by its names there, and which of these names `connect` takes. */
interface Chosen {
  readonly parts: ReadonlyMap<string, Part>
  readonly transformers: readonly string[]
  readonly parser: string
  readonly plugins: readonly string[]
}

/**
 * Looks the parts up.
 * @throws ERR_OPTION for a name that is not known, one that is there twice, and one that is not used
 */
export const choose = (ingredients: Ingredients, catalog: Catalog): Chosen => {
  const { transformers = ['ws'], parser = 'json', stores = [], imports = {} } = ingredients
  const { plugins = ['reconnect', 'offline', ...(transformers.length > 1 ? ['wires'] : [])] } = ingredients
  /** The parts of the bundle, by the identifiers that it has and exports them as. */
  const parts = new Map<string, Part>()
  const take = (kind: Kind, name: string): string => {
    const own = Object.hasOwn(imports, name) ? imports[name] : undefined
    const { from, factory = name } = typeof own === 'string' ? { from: own } : (own ?? { from: '' })
    const part =
      own === undefined ? catalog[kind].get(name) : { module: from, types: from, factory: checkIdentifier(factory) }
    if (!part) {
      const known = list([...catalog[kind].keys(), ...Object.keys(imports)])
      throw new AnywireError(ERR_OPTION, `there is no ${KINDS[kind]} '${name}', but: ${known}`)
    }
    const identifier = own === undefined ? part.factory : checkIdentifier(name)
    add(identifier, part)
    for (const beside of (own === undefined && BESIDE[name]) || []) add(beside, { ...part, factory: beside })
    return identifier
  }
  const add = (identifier: string, part: Part): void => {
    if (parts.has(identifier) || identifier === 'connect')
      throw new AnywireError(ERR_OPTION, `'${identifier}' is there twice`)
    parts.set(identifier, part)
  }
  const names = {
    transformers: transformers.map(name => take('transformers', name)),
    parser: take('parsers', parser),
    plugins: plugins.map(name => take('plugins', name))
  }
  const records = catalog.plugins.get('records')
  if (stores.length && (!records || parts.get('records') !== records))
    throw new AnywireError(ERR_OPTION, `stores are for the plugin 'records'`)
  for (const name of stores) take('stores', name)
  if (stores.length && records) for (const factory of KEEPING) add(factory, { ...records, factory })
  const unused = Object.keys(imports).find(name => !parts.has(name))
  if (unused !== undefined) throw new AnywireError(ERR_OPTION, `'${unused}' is imported, and is in none of the lists`)
  return { parts, ...names }
}

/**
 * Writes the source of a bundle's entry.
 * @throws ERR_OPTION as `choose` does
 */
export const writeEntry = (ingredients: Ingredients, catalog: Catalog): string => {
  const { parts, transformers, parser, plugins } = choose(ingredients, catalog)
  const from = (path: string): string => `from ${JSON.stringify(path)}`
  return [
    `import { withParts } ${from(locate('./dist/bundle/with-parts.js'))}`,
    ...[...parts].map(([name, { module, factory }]) => `import { ${factory} as ${name} } ${from(module)}`),
    `export * ${from(locate('./dist/core.browser.js'))}`,
    `export { ${[...parts.keys()].join(', ')} }`,
    `export const connect = /* @__PURE__ */ withParts({`,
    `  transformers: [${transformers.join(', ')}],`,
    `  parser: ${parser},`,
    `  plugins: { ${plugins.join(', ')} }`,
    `})`
  ].join('\n')
}
