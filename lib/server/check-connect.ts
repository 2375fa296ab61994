import { AnywireError, textOf } from '../errors.ts'
import { ERR_OPTION } from '../failures.ts'
import { amount, check, flag, isObject, object, whole } from '../option-rules.ts'
import type { Rule } from '../option-rules.ts'
import { checkNames } from './check-names.ts'
import { checkPart, checkParts, PARSER, PLUGIN } from './check-parts.ts'
import { checkUrl } from './check-url.ts'
import { find } from './find-option.ts'

/*
 * What the types say of a client's options, for who writes JavaScript, and what makes no sense. In Node alone: a page would pay for
 * it with each visit.
 */

/** @throws ERR_OPTION, which names the field */
const checkQuery = (query: unknown): void => {
  if (query === undefined) return
  check(`'query'`, query, ['an object of texts', value => isObject(value) && !Array.isArray(value)])
  for (const [name, value] of Object.entries(Object(query) as object))
    check(`'query.${name}'`, value, ['a text', item => typeof item === 'string'])
}

/** Those that may be undefined. */
const OPTIONAL: Readonly<Record<string, Rule>> = {
  schema: whole(0),
  timeout: amount(1),
  open: flag,
  limits: object,
  'limits.message': whole(1),
  'limits.window': whole(1),
  'limits.buffered': amount(1)
}

const NAMES = ['transformers', 'parser', 'plugins', 'auth', 'query', ...Object.keys(OPTIONAL)]

/** @throws ERR_OPTION for a plugin that only servers have: it would do nothing here */
const checkPlugins = (plugins: unknown): void => {
  checkParts('plugins', plugins, PLUGIN)
  for (const plugin of plugins as readonly Readonly<Record<string, unknown>>[]) {
    const { name, client, server, peer } = plugin
    if (!client && (server || peer)) throw new AnywireError(ERR_OPTION, `'${String(name)}' is for servers`)
  }
}

/** @throws ERR_OPTION for what JSON cannot say: no attempt would ever be more than that */
const checkAuth = (auth: unknown): void => {
  if (typeof auth === 'function') return
  try {
    JSON.stringify(auth)
  } catch (cause) {
    throw new AnywireError(ERR_OPTION, `'auth' must be JSON, or a function: ${textOf(cause)}`, cause)
  }
}

/**
 * @param more - names of options beside those of the core, which then need no transformers and no parser
 * @throws ERR_OPTION, which names what is wrong
 */
export const checkConnect = (url: unknown, options: unknown, more: readonly string[] = []): void => {
  checkUrl(url)
  if (more.length && options === undefined) return
  check('the options', options, object)
  checkNames(options, [...NAMES, ...more])
  const given = (name: string): boolean => !more.length || find(options, name) !== undefined
  const transformers = find(options, 'transformers')
  if (given('transformers')) checkParts('transformers', transformers, ['a transformer with a client half', 'dial'], 1)
  if (given('parser')) checkPart('parser', find(options, 'parser'), PARSER)
  if (find(options, 'plugins') !== undefined) checkPlugins(find(options, 'plugins'))
  for (const [name, rule] of Object.entries(OPTIONAL)) {
    const value = find(options, name)
    if (value !== undefined) check(`'${name}'`, value, rule)
  }
  checkQuery(find(options, 'query'))
  checkAuth(find(options, 'auth'))
}
