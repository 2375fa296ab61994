import { AnywireError } from '../errors.ts'
import { ERR_OPTION } from '../failures.ts'
import { limitsOf } from '../limits.ts'
import { checkNames } from './check-names.ts'

/*
 * What the types say of a client's options, for who writes JavaScript. In Node alone: a page would pay for it with each visit.
 */

const NAMES = [
  'transformers',
  'parser',
  'plugins',
  'auth',
  'query',
  'schema',
  'timeout',
  'open',
  'limits',
  ...Object.keys(limitsOf()).map(name => `limits.${name}`)
]

/** @throws ERR_OPTION for a plugin that only servers have: it would do nothing here */
const checkPlugins = (plugins: readonly unknown[]): void => {
  for (const plugin of plugins) {
    const { name, client, server, peer } = Object(plugin) as Readonly<Record<string, unknown>>
    if (!client && (server || peer)) throw new AnywireError(ERR_OPTION, `'${String(name)}' is for servers`)
  }
}

/**
 * @param more - names of options beside those of the core
 * @throws ERR_OPTION, which names what is wrong
 */
export const checkConnect = (options: unknown, more: readonly string[] = []): void => {
  checkNames(options, [...NAMES, ...more])
  const { plugins } = Object(options) as { readonly plugins?: unknown }
  if (Array.isArray(plugins)) checkPlugins(plugins)
}
