import { AnywireError } from '../../lib/errors.ts'
import { ERR_ARGUMENTS, ERR_OPTION } from '../../lib/failures.ts'
import { because } from './error.ts'
import { invoke } from './router.ts'
import type { Handler, Route } from './router.ts'
import { ARGUMENTS } from './wire.ts'

/** Names that are the plugin's own. */
const RESERVED = new Set(['with', 'provide', 'service', 'router'])

/** @throws ERR_OPTION for what is no router; names that would make promises of what is none have no place in one */
export const checkRouter = (router: object, prefix = ''): void => {
  for (const [name, part] of Object.entries(router) as [string, unknown][]) {
    if (/\.|^(then|toJSON|toString|valueOf)?$/.test(name) || (!prefix && RESERVED.has(name)))
      throw new AnywireError(ERR_OPTION, `the name '${prefix}${name}'`)
    if (typeof part === 'object' && part) checkRouter(part, `${prefix}${name}.`)
    else if (typeof part !== 'function') throw new AnywireError(ERR_OPTION, `'${prefix}${name}' is no handler`)
  }
}

/** Could be taken for the call that stands behind the arguments. */
const isSpoof = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && ('peer' in value || 'signal' in value)

/** A handler that strangers call. */
export const toRoute =
  (handler: Handler, owner: unknown): Route<unknown> =>
  call => {
    const { args } = call
    for (let index = Math.max(0, handler.length - 1); index < args.length; index++) {
      if (isSpoof(args[index]))
        throw because(
          ERR_ARGUMENTS,
          `${call.name}: an object with 'peer' or 'signal' stands where the handler may expect its call`
        )
    }
    if (args.length > ARGUMENTS) throw because(ERR_ARGUMENTS, `${call.name}: more than ${ARGUMENTS}`)
    return invoke(handler, owner, call)
  }
