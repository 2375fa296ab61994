import { answer } from '../../lib/answer.ts'
import { callRules, checkCall, checkValue, signal } from '../../lib/call-rules.ts'
import { amount, text } from '../../lib/option-rules.ts'
import { call, toAnswer } from './call.ts'
import type { CallOptions } from './remote.ts'
import type { Middleware } from './router.ts'

/*
 * What the types say of calls, for who writes JavaScript: on servers, and for clients in Node.
 */

const CALL = callRules<CallOptions>({ timeout: amount(0), signal, key: text })

/** @throws ERR_OPTION */
export const checkOptions = (options: object | undefined): void => {
  if (options) checkCall('rpc', options, CALL)
}

/** Calls a function of the other end, unless something is wrong with the call: then that is what it fails with. */
export const checkedCall: typeof call = (exchange, name, args, options, service) => {
  try {
    for (const arg of args) checkValue(arg)
    checkOptions(options)
  } catch (error) {
    const [, , , untold] = exchange
    return toAnswer(
      answer(
        (_resolve, reject) => reject(error as Error),
        error => untold(name, error)
      )
    )
  }
  return call(exchange, name, args, options, service)
}

/** A result, unless it is none. */
const sound = (value: unknown): unknown => {
  checkValue(value)
  return value
}

/** What a client's handler returns is looked at behind everything else; a server's is in run.ts. */
export const checkedResult: Middleware<unknown> = (_call, next) => {
  const result = next()
  return result instanceof Promise ? result.then(sound) : sound(result)
}
