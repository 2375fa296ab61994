import type { Server } from 'node:http'
import type { Undo } from '../emitter.ts'

/**
 * Puts something in the place of a method of an http.Server that has other users.
 * @param make - makes it from the one that is there
 * @returns what has the server as before. Where somebody put themselves before it meanwhile, it stays
 */
export const intercept = <K extends 'emit' | 'closeAllConnections'>(
  http: Server,
  name: K,
  make: (method: Server[K]) => Server[K]
): Undo => {
  const before = Object.getOwnPropertyDescriptor(http, name)
  const own = make(http[name].bind(http) as Server[K])
  http[name] = own
  return () => {
    if (http[name] !== own) return
    if (before) Object.defineProperty(http, name, before)
    else Reflect.deleteProperty(http, name)
  }
}
