import { AnywireError } from '../errors.ts'
import { ERR_OPTION } from '../failures.ts'
import { LONGEST } from '../timer.ts'
import { checkNames } from './check-names.ts'
import { checkOrigins } from './origin.ts'
import { amount, callable, check, either, flag, isObject, isText, object, text, whole } from '../option-rules.ts'
import type { Rule, Test } from '../option-rules.ts'

/** A list of parts with names, each of which has these functions. */
const parts = (what: string, functions: readonly string[], min: number): Rule => [
  `a list of ${what}`,
  value =>
    Array.isArray(value) &&
    value.length >= min &&
    value.every(
      (part: unknown) =>
        isObject(part) && isText(get(part, 'name')) && functions.every(name => typeof get(part, name) === 'function')
    )
]

const isOrigins: Test = value =>
  typeof value === 'string' ||
  typeof value === 'function' ||
  (Array.isArray(value) && value.every(item => typeof item === 'string' || item instanceof RegExp))

const isTrust: Test = value =>
  (Number.isSafeInteger(value) && Number(value) >= 0) || (Array.isArray(value) && value.every(isText))

const isLocation: Test = value => isText(value) || (value instanceof URL && value.protocol === 'file:')

const isClient: Test = value => isLocation(value) || (isObject(value) && isLocation(get(value, 'location')))

const REQUIRED: Readonly<Record<string, Rule>> = {
  transformers: parts('transformers with a server half, and not empty', ['listen'], 1),
  parsers: parts('parsers, and not empty', ['encode', 'decode'], 1)
}

/** Those that may be undefined. */
const OPTIONAL: Readonly<Record<string, Rule>> = {
  plugins: parts('plugins', [], 0),
  authenticate: callable,
  id: callable,
  origins: ['a text, a list of texts and regular expressions, or a function', isOrigins],
  trustProxy: ['a number of proxies, or a list of addresses', isTrust],
  path: [
    'a text that begins with a slash, without a query',
    value => typeof value === 'string' && /^\/[^?#\s]*$/.test(value)
  ],
  schema: whole(0),
  heartbeat: whole(0, LONGEST),
  plain: flag,
  port: whole(0, 65_535),
  host: text,
  socket: text,
  client: either(false, ['a path, a URL of a file, or an object with one as its location', isClient]),
  recovery: either(false, object),
  'recovery.time': amount(0),
  'recovery.sessions': amount(0),
  'recovery.bytes': amount(0),
  'recovery.same': callable,
  limits: object,
  'limits.message': whole(1),
  'limits.window': whole(1),
  'limits.buffered': amount(1),
  'limits.handshake': amount(1),
  'limits.connections': amount(1),
  'limits.rate': either(false, object)
}

/** Of a rate both are needed. */
const RATE: Readonly<Record<string, Rule>> = { 'limits.rate.second': amount(1), 'limits.rate.burst': amount(1) }

/** All names that there are. */
const NAMES = [...Object.keys(REQUIRED), ...Object.keys(OPTIONAL), ...Object.keys(RATE)]

/** @throws ERR_OPTION for a factory that was not called, which has a name too */
const checkCalled = (plugins: unknown): void => {
  for (const plugin of Array.isArray(plugins) ? (plugins as unknown[]) : []) {
    if (typeof plugin === 'function')
      throw new AnywireError(ERR_OPTION, `'plugins' has the function '${plugin.name}': call it, as ${plugin.name}()`)
  }
}

/** @throws ERR_OPTION, which names the option */
export const checkOptions = (http: unknown, options: unknown): void => {
  check('the first argument', http, [
    'an http.Server, or undefined',
    value => value === undefined || (isObject(value) && typeof get(value, 'emit') === 'function')
  ])
  check('the options', options, object)
  checkNames(options, NAMES)
  checkCalled(find(options, 'plugins'))
  for (const [name, rule] of Object.entries(REQUIRED)) check(`'${name}'`, find(options, name), rule)
  for (const [name, rule] of Object.entries(OPTIONAL)) {
    const value = find(options, name)
    if (value !== undefined) check(`'${name}'`, value, rule)
  }
  checkOrigins(find(options, 'origins'))
  if (isObject(find(options, 'limits.rate'))) {
    for (const [name, rule] of Object.entries(RATE)) check(`'${name}'`, find(options, name), rule)
  }
}

/** @throws ERR_OPTION, which names the option */
export const checkCloseOptions = (timeout: unknown, reconnect: unknown): void => {
  check(`'timeout'`, timeout, amount(0))
  check(`'reconnect'`, reconnect, either(false, whole(0)))
}

const find = (options: unknown, path: string): unknown =>
  path.split('.').reduce((value, name) => (isObject(value) ? get(value, name) : undefined), options)

const get = (value: unknown, name: string): unknown => Reflect.get(Object(value) as object, name)
