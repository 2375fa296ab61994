import type { Attempt } from './connection.ts'
import { tell, textOf } from './errors.ts'
import { ERR_PROTOCOL } from './failures.ts'
import { CLOSE, isMarked, parseMarked, WELCOME } from './frames.ts'
import { isGoodbye, isWelcome, parseJson } from './handshake.ts'
import type { Goodbye, Welcome } from './handshake.ts'
import type { ClientTransformer, Data, Wire } from './transformer.ts'

/** An attempt to carry a connection over a wire; and then that wire, as long as it is the one in use. */
export interface Link {
  readonly transformer: string
  /** Settles when the server has answered. Rejects with a LinkError. */
  readonly settled: Promise<void>
  /** Cuts the wire, or stops opening it. */
  abort(error?: LinkError): void
}

/** Whom the client's end of a wire serves. Once it has another link, this one's messages are ignored. */
export interface LinkHost {
  /** The link that carries the connection. */
  readonly link: Link | undefined
  receive(data: Data): void
  drain(): void
  /** The link that carries the connection is gone. */
  lost(goodbye: Goodbye): void
  /** The server is pleased: the link carries the connection from now on. */
  welcomed(link: Link, wire: Wire, welcome: Welcome): void
  emit(event: 'attempt', attempt: Attempt): unknown
}

/** Why a link was cut that had not failed: another one was quicker, or the client was ended. */
export const GIVEN_UP = 'given up'

/** Why a link did not come to carry a connection. */
export interface LinkError extends Error {
  readonly code: number
  readonly goodbye: Goodbye
  /** The server said no, and would say so over any other wire. */
  readonly refused: boolean
}

export const linkError = (goodbye: Goodbye, refused = false): LinkError =>
  Object.assign(new Error(goodbye[1]), { code: goodbye[0], goodbye, refused })

/** Whatever was thrown, as the failure of a link. */
export const linkErrorOf = (thrown: unknown): LinkError =>
  (Object(thrown) as Partial<LinkError>).goodbye ? (thrown as LinkError) : linkError([1006, textOf(thrown), 0])

/**
 * Opens a wire, says hello over it, and then feeds its host.
 * @param hello - makes the hello when it is time for it
 * @param turn - what an open wire waits for before it says hello
 */
export const openLink = (
  host: LinkHost,
  transformer: ClientTransformer,
  url: URL,
  hello: () => string,
  turn?: () => Promise<unknown>
): Link => {
  const since = performance.now()
  const controller = new AbortController()
  let settle: (error?: LinkError) => void
  let over = false
  const end = (error?: LinkError): void => {
    if (over) return
    over = true
    const attempt = { transformer: transformer.name, duration: performance.now() - since, error }
    // The client is in the midst of it: handlers come when it is done.
    queueMicrotask(() => host.emit('attempt', attempt))
    settle(error)
  }
  const answered = (wire: Wire, data: Data): void => {
    const type = data.slice(0, 2)
    const answer = parseJson(data.slice(2))
    if (type === CLOSE && isGoodbye(answer)) end(linkError(answer, true))
    // A connection moves as it is, or not at all.
    else if (type !== WELCOME || !isWelcome(answer) || (host.link && !answer.recovered)) {
      link.abort(linkError(tell(ERR_PROTOCOL), true))
    } else {
      end()
      host.welcomed(link, wire, answer)
    }
  }
  const link: Link = {
    transformer: transformer.name,
    settled: new Promise((resolve, reject) => {
      settle = error => (error ? reject(error) : resolve())
    }),
    abort(error = linkError([1006, GIVEN_UP, 0])) {
      end(error)
      controller.abort()
    }
  }
  let wire: Wire | undefined
  const start = async (): Promise<void> => {
    await new Promise<void>(resolve =>
      transformer.dial(
        url,
        {
          open(opened) {
            wire = opened
            resolve()
          },
          message(data) {
            if (host.link === link) host.receive(data)
            // What may be lost may also come before the welcome.
            else if (wire && !over && (!isMarked(data) || parseMarked(data).reliable)) answered(wire, data)
          },
          drain() {
            if (host.link === link) host.drain()
          },
          close(code, reason, error) {
            const goodbye: Goodbye = [code, reason || (error?.message ?? ''), 0]
            if (host.link === link) host.lost(goodbye)
            else end(linkError(goodbye))
          }
        },
        controller.signal
      )
    )
    await turn?.()
    if (!over) wire?.send(hello())
  }
  start().catch((error: unknown) => link.abort(linkErrorOf(error)))
  return link
}
