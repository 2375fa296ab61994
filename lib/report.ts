import { Emitter } from './emitter.ts'
import { print } from './print.ts'

/** Tells whoever listens for errors of a client, server or peer. */
export const report = (host: object, error: unknown, stage: string): void => {
  if (host instanceof Emitter) host.failed(error, stage)
  else print(error)
}
