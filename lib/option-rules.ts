import { AnywireError } from './errors.ts'
import { ERR_OPTION } from './failures.ts'

/*
 * What options must be. They come from JavaScript too, and from environment variables: what makes no sense is told where it is
 * said, and not by what goes wrong an hour later.
 */

/** Whether a value is one. */
export type Test = (value: unknown) => boolean

/** What an option must be, in words and as a test; and whether a text in its place may be shown, as none that belongs there is a secret. */
export type Rule = readonly [words: string, test: Test, isPublic?: boolean]

export const isObject: Test = value => typeof value === 'object' && value !== null

export const isText: Test = value => typeof value === 'string' && value !== ''

/** A whole number. Sizes travel in the handshake, as JSON, which knows no Infinity. */
export const whole = (min: number, max = Number.MAX_SAFE_INTEGER): Rule => [
  `a whole number from ${min} to ${max}`,
  value => Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max,
  true
]

/** A number; Infinity for no limit. */
export const amount = (min: number): Rule => [
  `a number of at least ${min}, or Infinity`,
  value => typeof value === 'number' && value >= min,
  true
]

export const either = (special: unknown, [words, test, isPublic = false]: Rule): Rule => [
  `${words}, or ${special}`,
  value => value === special || test(value),
  isPublic
]

export const callable: Rule = ['a function', value => typeof value === 'function']

export const object: Rule = ['an object', isObject]

export const text: Rule = ['a text', isText]

export const flag: Rule = ['true or false', value => typeof value === 'boolean', true]

/** @throws ERR_OPTION, which names the option */
export const check = (name: string, value: unknown, [words, test, isPublic = false]: Rule): void => {
  if (!test(value)) throw new AnywireError(ERR_OPTION, `${name} must be ${words}, not ${show(value, isPublic)}`)
}

/** The value, where it can be no secret; or else what it is. */
const show = (value: unknown, isPublic: boolean): string => {
  if (value === '') return 'an empty text'
  if (Array.isArray(value)) return value.length ? 'this list' : 'an empty list'
  if (typeof value === 'string') return isPublic && value.length <= LONGEST ? `'${value}'` : 'a text'
  if (typeof value === 'function') return 'a function'
  return isObject(value) ? 'an object' : String(value)
}

/** Characters of a text that is shown. */
const LONGEST = 64

/**
 * Names may have stars among their letters, so a pattern that is misspelt would be about one of these, and nobody would know.
 * @throws ERR_OPTION for one with a wildcard that is no whole part, with `>` before its end, or with an empty part
 */
export const checkPattern = (whose: string, pattern: string): void => {
  if (!/>\.|[^.][*>]|[*>][^.]|^$|^\.|\.\.|\.$/.test(pattern)) return
  const text = "parts have dots between them, '*' is a whole part, '>' the last one, and none is empty"
  throw new AnywireError(ERR_OPTION, `'${pattern}' of ${whose} is no pattern: ${text}`)
}

/** A rule for each option, or one for each of a group. */
export type OptionRules<T> = {
  readonly [K in keyof T]-?: Rule | { readonly [N in keyof NonNullable<T[K]>]-?: Rule }
}

/** A list of functions. */
export const callables: Rule = [
  'a list of functions',
  value => Array.isArray(value) && value.every(item => typeof item === 'function')
]

/** One of a few texts. */
export const among = (...values: readonly string[]): Rule => [
  values.map(value => `'${value}'`).join(' or '),
  value => typeof value === 'string' && values.includes(value),
  true
]

const isRule = (rule: object): rule is Rule => Array.isArray(rule)

/**
 * What is misspelt would be left out, and nobody would know. Undefined was not said.
 * @param whose - the name of the plugin or store
 * @throws ERR_OPTION, which names the option
 */
export const checkPartOptions = <T extends object>(
  whose: string,
  options: T,
  rules: OptionRules<T>,
  group = ''
): void => {
  check(group ? `'${group.slice(0, -1)}' of '${whose}'` : `the options of '${whose}'`, options, object)
  const known = new Map<string, Rule | object>(Object.entries(rules))
  for (const [key, value] of Object.entries(options)) {
    const name = group + key
    const rule = known.get(key)
    if (value === undefined) continue
    if (!rule) {
      const names = [...known.keys()].map(other => group + other)
      throw new AnywireError(ERR_OPTION, `'${whose}' has no option '${name}', but: ${names.join(', ')}`)
    }
    if (isRule(rule)) check(`'${name}' of '${whose}'`, value, rule)
    else checkPartOptions<object>(whose, value as object, rule, `${name}.`)
  }
}
