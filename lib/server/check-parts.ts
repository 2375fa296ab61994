import { AnywireError } from '../errors.ts'
import { ERR_OPTION } from '../failures.ts'
import { check, isObject, isText } from '../option-rules.ts'

/** What a part is, in words, and the functions that it must have. */
export type Part = readonly [words: string, ...functions: readonly string[]]

export const PARSER: Part = ['a parser', 'encode', 'decode']

export const PLUGIN: Part = ['a plugin']

/**
 * Looks at a transformer, a parser or a plugin.
 * @param whose - what is said of one in a list
 * @throws ERR_OPTION, also for a factory that was not called, which has a name too
 */
export const checkPart = (name: string, value: unknown, [words, ...functions]: Part, whose = ''): void => {
  if (typeof value === 'function')
    throw new AnywireError(ERR_OPTION, `'${name}' has the function '${value.name}': call it, as ${value.name}()`)
  const get = (key: string): unknown => Reflect.get(Object(value) as object, key)
  check(`${whose}'${name}'`, value, [
    words,
    () => isObject(value) && isText(get('name')) && functions.every(key => typeof get(key) === 'function')
  ])
}

/** @throws ERR_OPTION for what is no list of these, or one that is shorter */
export const checkParts = (name: string, value: unknown, part: Part, min = 0): void => {
  if (typeof value === 'function')
    throw new AnywireError(
      ERR_OPTION,
      `'${name}' is the function '${value.name}': call it, in a list, as [${value.name}()]`
    )
  check(`'${name}'`, value, ['a list', item => Array.isArray(item)])
  const items = value as readonly unknown[]
  if (items.length < min) throw new AnywireError(ERR_OPTION, `'${name}' is an empty list`)
  for (const item of items) checkPart(name, item, part, 'each of ')
}
