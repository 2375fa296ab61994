import { Emitter } from '../../lib/emitter.ts'
import { print } from '../../lib/print.ts'

/** Tells whoever listens for errors of a client, server or peer. */
export const report = (host: object, error: unknown, stage = 'presence'): void => {
  if (host instanceof Emitter) host.failed(error, stage)
  else print(error)
}
