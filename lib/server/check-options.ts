import { callRules, checkCall } from '../call-rules.ts'
import { LONGEST } from '../timer.ts'
import { checkNames } from './check-names.ts'
import { checkParts, PARSER, PLUGIN } from './check-parts.ts'
import { find } from './find-option.ts'
import { checkOrigins } from './origin.ts'
import { amount, callable, check, either, flag, isObject, isText, object, text, whole } from '../option-rules.ts'
import type { Rule, Test } from '../option-rules.ts'
import type { CloseOptions } from './server.ts'

const isOrigins: Test = value =>
  typeof value === 'string' ||
  typeof value === 'function' ||
  (Array.isArray(value) && value.every(item => typeof item === 'string' || item instanceof RegExp))

const isTrust: Test = value =>
  (Number.isSafeInteger(value) && Number(value) >= 0) || (Array.isArray(value) && value.every(isText))

const isLocation: Test = value => isText(value) || (value instanceof URL && value.protocol === 'file:')

const isClient: Test = value => isLocation(value) || (isObject(value) && isLocation(find(value, 'location')))

/** Those that are lists of parts. */
const LISTS = ['transformers', 'parsers', 'plugins']

/** Those that may be undefined. */
const OPTIONAL: Readonly<Record<string, Rule>> = {
  authenticate: callable,
  id: callable,
  origins: ['a text, a list of texts and regular expressions, or a function', isOrigins],
  trustProxy: ['a number of proxies, or a list of addresses', isTrust],
  path: [
    "a text that begins with '/', without a query",
    value => typeof value === 'string' && /^\/[^?#\s]*$/.test(value),
    true
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
const NAMES = [...LISTS, ...Object.keys(OPTIONAL), ...Object.keys(RATE)]

/** @throws ERR_OPTION, which names the option */
export const checkOptions = (http: unknown, options: unknown): void => {
  check('the first argument', http, [
    'an http.Server, or undefined',
    value => value === undefined || (isObject(value) && typeof find(value, 'emit') === 'function')
  ])
  check('the options', options, object)
  checkNames(options, NAMES)
  checkParts('transformers', find(options, 'transformers'), ['a transformer with a server half', 'listen'], 1)
  checkParts('parsers', find(options, 'parsers'), PARSER, 1)
  const plugins = find(options, 'plugins')
  if (plugins !== undefined) checkParts('plugins', plugins, PLUGIN)
  for (const [name, rule] of Object.entries(OPTIONAL)) {
    const value = find(options, name)
    if (value !== undefined) check(`'${name}'`, value, rule)
  }
  checkOrigins(find(options, 'origins'))
  if (isObject(find(options, 'limits.rate'))) {
    for (const [name, rule] of Object.entries(RATE)) check(`'${name}'`, find(options, name), rule)
  }
}

const CLOSE = callRules<CloseOptions>({ timeout: amount(0), reconnect: either(false, whole(0)) })

/** @throws ERR_OPTION, which names the option */
export const checkCloseOptions = (options: CloseOptions): void => checkCall('close', options, CLOSE)
