import { Emitter } from './emitter.ts'
import type { AnywireError } from './errors.ts'
import { print, printLine } from './print.ts'

/** Tells whoever listens for errors of a client, server or peer. */
export const report = (host: object, error: unknown, stage: string): void => {
  if (host instanceof Emitter) host.failed(error, stage)
  else print(error)
}

/** Tells a client's `error` what is one already: no function of the application failed. Without a listener it is one line. */
export const tellError = (client: object, error: AnywireError): void => {
  if (!(client instanceof Emitter && client.emit('error', error))) printLine(error)
}
