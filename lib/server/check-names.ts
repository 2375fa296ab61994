import { AnywireError } from '../errors.ts'
import { ERR_OPTION } from '../failures.ts'

/** The names of a group of options: '' for the outermost. */
const namesOf = (names: readonly string[], group: string): readonly string[] =>
  names.filter(name => name.startsWith(group) && !name.slice(group.length).includes('.'))

/**
 * What is misspelled would be left out, and nobody would know. Undefined was not said.
 * @param names - all that there are, those in groups with the group's name and a dot before them
 * @throws ERR_OPTION, which names it
 */
export const checkNames = (options: unknown, names: readonly string[], group = ''): void => {
  if (typeof options !== 'object' || options === null) return
  const known = namesOf(names, group)
  for (const [key, value] of Object.entries(options) as [string, unknown][]) {
    const name = group + key
    if (value === undefined) continue
    if (!known.includes(name))
      throw new AnywireError(ERR_OPTION, `there is no option '${name}', but: ${known.join(', ')}`)
    if (namesOf(names, `${name}.`).length) checkNames(value, names, `${name}.`)
  }
}
