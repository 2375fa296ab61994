import { ERR_PROTOCOL } from './failures.ts'
import { CLOSE, WELCOME } from './frames.ts'
import { isGoodbye, isWelcome, parseJson } from './handshake.ts'
import type { Goodbye, Welcome } from './handshake.ts'
import type { ClientTransformer, Data, Wire } from './transformer.ts'

/** Whom the client's end of a wire serves. Once it has another wire, this one's messages are ignored. */
export interface LinkHost {
  readonly wire: Wire | undefined
  receive(data: Data): void
  drain(): void
  /** The wire in use is gone. */
  lost(goodbye: Goodbye): void
}

/** What an attempt is about: what to say, and what to do when the server is pleased. It makes the wire the host's. */
export interface Greeting {
  readonly hello: string
  welcomed(wire: Wire, welcome: Welcome): void
}

/** Why an attempt failed: the server refused, or there was no answer. */
export interface Failed {
  readonly goodbye: Goodbye
  readonly refused: boolean
}

/**
 * Opens a wire and says hello over it. Aborting `signal` cuts the wire, before and after the welcome.
 * @returns undefined after `welcomed`
 */
export const openLink = (
  transformer: ClientTransformer,
  url: URL,
  signal: AbortSignal,
  greeting: Greeting,
  host: LinkHost
): Promise<Failed | undefined> =>
  new Promise(resolve => {
    let wire: Wire | undefined
    let waiting = true
    const fail = (goodbye: Goodbye, refused: boolean): void => {
      waiting = false
      resolve({ goodbye, refused })
    }
    const greeted = (opened: Wire, data: Data): void => {
      const type = data.slice(0, 2)
      const answer = parseJson(data.slice(2))
      if (type === CLOSE && isGoodbye(answer)) fail(answer, true)
      else if (type !== WELCOME || !isWelcome(answer)) fail([ERR_PROTOCOL[1], 'this is no anywire server', 0], true)
      else {
        waiting = false
        greeting.welcomed(opened, answer)
        resolve(undefined)
      }
    }
    transformer.dial(
      url,
      {
        open(opened) {
          wire = opened
          opened.send(greeting.hello)
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
          if (waiting) fail(goodbye, false)
          else if (wire === host.wire) host.lost(goodbye)
        }
      },
      signal
    )
  })
