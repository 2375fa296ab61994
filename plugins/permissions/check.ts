import { AnywireError } from '../../lib/errors.ts'
import { ERR_OPTION } from '../../lib/failures.ts'
import type { ServerPlugin } from '../../lib/server/plugin.ts'
import { given } from './rules.ts'
import type { Rules } from './rules.ts'

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
