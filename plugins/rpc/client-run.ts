import type { Connection } from '../../lib/connection.ts'
import type { Failure } from '../../lib/errors.ts'
import { ERR_CLOSED } from '../../lib/failures.ts'
import { failureOf, notHere } from './answering.ts'
import type { Answering, Running } from './answering.ts'
import { because } from './error.ts'
import { isStream, makePump } from './pump.ts'
import type { Pump } from './pump.ts'
import { ACCEPTED, argumentsOf, extrasOf } from './wire.ts'
import type { AnswerPacket, Asked } from './wire.ts'

/** A call of the server that a client answers. A server's, which has many, is run.ts. */
export const runAtClient = <P extends Connection>(at: Answering<P>, packet: Asked): Running<P> => {
  const [number, what] = packet
  const [, own] = extrasOf(packet)
  const name = `${what}`
  const key = typeof own === 'string' ? own : undefined
  const controller = new AbortController()
  const { signal } = controller
  let answered = false
  let pump: Pump | undefined

  const finish = (answer?: AnswerPacket): void => {
    // By now its number may be another one's.
    if (answered) return
    answered = true
    if (answer) at.answer(answer, name)
    at.runs.delete(number)
  }
  const abort = (failure: Failure): void => {
    finish()
    controller.abort(because(failure, name))
    pump?.stop()
  }
  const threw = (error: unknown): void => {
    if (!answered) finish([-number, ...failureOf(error, at.lane, name)])
  }
  const write = (...packet: readonly unknown[]): boolean => !answered && at.write([-number, ...packet])

  return {
    async start(route) {
      try {
        let value = await route({
          peer: at.connection,
          name,
          args: argumentsOf(packet),
          key,
          id: at.idOf({ key, number: -number }),
          signal,
          accept: () => void write(ACCEPTED),
          reject: notHere
        })
        if (isStream(value)) {
          pump = makePump(value, write)
          // Nobody waited for it: it is closed.
          if (answered) abort(ERR_CLOSED)
          value = await pump.run()
        }
        // JSON has no undefined.
        finish(value === undefined ? [-number, 0] : [-number, 0, value])
      } catch (error) {
        threw(error)
      }
    },
    threw,
    abort,
    over() {
      if (key && !pump) finish()
      else abort(ERR_CLOSED)
    },
    more: taken => pump?.more(taken),
    get streams() {
      return !!pump
    }
  }
}
