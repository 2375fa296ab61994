import { AnywireError } from '../../lib/errors.ts'
import { ERR_OPTION } from '../../lib/failures.ts'
import type { ServerPlugin } from '../../lib/server/plugin.ts'
import { given } from './rules.ts'
import type { Rules } from './rules.ts'
import { check, checkPattern, isObject } from '../../lib/option-rules.ts'
import type { Rule as Demand } from '../../lib/option-rules.ts'

/** What a rule is. */
export const RULE: Demand = [
  'true, false or a function',
  value => typeof value === 'boolean' || typeof value === 'function'
]

/** What has its rules elsewhere, such as a Map or a list, would seem to have none. */
const isPlain = (value: unknown): boolean => isObject(value) && !(Symbol.iterator in Object(value))

const NESTED: Demand = [`${RULE[0]}, or an object of such rules`, value => RULE[1](value) || isPlain(value)]

/** All of them. */
export const RULES: Demand = ['an object of rules, by plugin', isPlain]

/**
 * A rule that is none would deny, and one about a name that nothing has would allow what it denies, or the other way.
 * @param depth - how many levels of names there may be: plugins, verbs, names
 * @throws ERR_OPTION, which names it
 */
export const checkShape = (rules: object, depth = 3, group = ''): void => {
  for (const [name, rule] of Object.entries(rules) as [string, unknown][]) {
    if (rule === undefined) continue
    check(`the rule '${group}${name}'`, rule, depth > 1 ? NESTED : RULE)
    if (depth === 1) checkPattern(`the rules '${group.slice(0, -1)}'`, name)
    if (isObject(rule)) checkShape(rule as object, depth - 1, `${group}${name}.`)
  }
}

/**
 * What is misspelled would be denied, and nobody would know why.
 * @throws ERR_OPTION for rules about a plugin that is not installed, or about a verb that it does not ask for
 */
export const checkRules = (rules: Rules<never>, plugins: readonly ServerPlugin[]): void => {
  for (const [name, verbs] of given(rules)) {
    const plugin = plugins.find(plugin => plugin.name === name)
    if (!plugin) throw new AnywireError(ERR_OPTION, `rules about '${name}', which is not installed`)
    if (typeof verbs !== 'object' || !plugin.verbs) continue
    for (const [verb] of given(verbs)) {
      if (plugin.verbs.includes(verb)) continue
      throw new AnywireError(
        ERR_OPTION,
        `a rule about '${verb}' of '${name}', which asks for ${plugin.verbs.join(', ')}`
      )
    }
  }
}
