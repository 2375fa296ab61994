import { AnywireError } from './errors.ts'
import { ERR_ENCODE, ERR_OPTION } from './failures.ts'
import type { WriteOptions } from './connection.ts'
import { amount, check, flag, isObject, object } from './option-rules.ts'
import type { Rule } from './option-rules.ts'

/*
 * What the types say of calls, for who writes JavaScript. Of servers, and in Node alone: a page would pay for it with each visit.
 * Calls are many: nothing is made for what is right, and nothing done where no options are given.
 */

/** What the options of a call must be, by name. */
export type CallRules = ReadonlyMap<string, Rule>

export const callRules = <T>(rules: { readonly [K in keyof T]-?: Rule }): CallRules =>
  new Map(Object.entries<Rule>(rules))

/** Null is what some say for none; it is not in the words. */
export const orNull = ([words, test, isPublic = false]: Rule): Rule => [
  words,
  value => value === null || test(value),
  isPublic
]

export const signal: Rule = orNull([
  'an AbortSignal',
  value => isObject(value) && typeof Reflect.get(Object(value) as object, 'addEventListener') === 'function'
])

/**
 * What is misspelt would be left out, and nobody would know. Undefined was not said.
 * @param whose - what is called
 * @throws ERR_OPTION, which names the option
 */
export const checkCall = (whose: string, options: object | number, rules: CallRules): void => {
  // The index that `forEach` passes to what it calls.
  if (typeof options === 'number') return
  if (!isObject(options)) check(`the options of '${whose}'`, options, object)
  const given = options as Readonly<Record<string, unknown>>
  // Three times as fast as a list of them. What is inherited is read, too, but may be there for others.
  for (const name in given) {
    const value = given[name]
    if (value === undefined) continue
    const rule = rules.get(name)
    if (!rule && !Object.hasOwn(options, name)) continue
    if (!rule) throw new AnywireError(ERR_OPTION, `'${whose}' has no option '${name}', but: ${namesOf(rules)}`)
    if (!rule[1](value)) check(`'${name}' of '${whose}'`, value, rule)
  }
}

const namesOf = (rules: CallRules): string => [...rules.keys()].join(', ')

/** Those of one value. */
export const WRITING = callRules<WriteOptions>({ reliable: flag, expires: amount(0) })

/** @throws ERR_ENCODE for what no parser carries; in a list, JSON has null in its place. A function may say what it is in JSON */
export const checkValue = (value: unknown): void => {
  if ((typeof value === 'function' && !('toJSON' in value)) || typeof value === 'symbol')
    throw new AnywireError(ERR_ENCODE, `a ${typeof value}`)
}
