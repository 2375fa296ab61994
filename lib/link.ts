import { ERR_PROTOCOL } from './failures.ts'
import { CLOSE, WELCOME } from './frames.ts'
import { isGoodbye, isWelcome, parseJson } from './handshake.ts'
import type { Goodbye, Welcome } from './handshake.ts'
import type { Data, Receiver, Wire } from './transformer.ts'

/** Whom the client's end of a wire serves. Once it has another wire, this one's messages are ignored. */
export interface LinkHost {
  readonly wire: Wire | undefined
  receive(data: Data): void
  drain(): void
  /** The wire in use is gone. */
  lost(goodbye: Goodbye): void
}

/** Why an attempt failed: the server refused, or there was no answer. */
export interface Failed {
  readonly goodbye: Goodbye
  readonly refused: boolean
}

/**
 * Opens a wire and says hello over it.
 * @param welcomed - the server is pleased; it makes the wire the host's
 * @returns undefined after `welcomed`
 */
export const openLink = (
  dial: (receiver: Receiver) => void,
  hello: string,
  host: LinkHost,
  welcomed: (wire: Wire, welcome: Welcome) => void
): Promise<Failed | undefined> =>
  new Promise(resolve => {
    let wire: Wire | undefined
    let waiting = true
    const answered = (failed?: Failed): void => {
      waiting = false
      resolve(failed)
    }
    const greeted = (opened: Wire, data: Data): void => {
      const type = data.slice(0, 2)
      const answer = parseJson(data.slice(2))
      if (type === WELCOME && isWelcome(answer)) {
        answered()
        welcomed(opened, answer)
      } else if (type === CLOSE && isGoodbye(answer)) answered({ goodbye: answer, refused: true })
      else answered({ goodbye: [ERR_PROTOCOL[1], 'this is no anywire server', 0], refused: true })
    }
    dial({
      open(opened) {
        wire = opened
        opened.send(hello)
      },
      message(data) {
        if (waiting && wire) greeted(wire, data)
        else if (wire === host.wire) host.receive(data)
      },
      drain() {
        if (wire === host.wire) host.drain()
      },
      close(code, reason, error) {
        const goodbye: Goodbye = [code, reason || (error?.message ?? ''), 0]
        if (waiting) answered({ goodbye, refused: false })
        else if (wire === host.wire) host.lost(goodbye)
      }
    })
  })
