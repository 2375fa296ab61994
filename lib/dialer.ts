import type { Attempt } from './connection.ts'
import type { AnyClientOptions, Client, Each } from './client.ts'
import { each } from './each.ts'
import { AnywireError, tell } from './errors.ts'
import { ERR_CLOSED, ERR_HANDSHAKE_TIMEOUT, ERR_PROTOCOL } from './failures.ts'
import { CLOSE, headOf, LOOSE, WELCOME } from './frames.ts'
import { isGoodbye, isWelcome, readControl } from './handshake.ts'
import type { Goodbye, Welcome } from './handshake.ts'
import { linkError, linkErrorOf } from './link.ts'
import type { Abort, Link, LinkError } from './link.ts'
import type { Strategy } from './strategy.ts'
import { LONGEST } from './timer.ts'
import type { ClientTransformer, Data, Wire } from './transformer.ts'
import { attemptUrl } from './url.ts'

/** Milliseconds for an attempt to connect, or to move. */
const TIMEOUT = 10_000

/**
 * Gets wires, one after the other, and feeds the client what comes over the one that carries its connection.
 * @param hello - makes one when it is time for it. `move`: there is a wire already
 * @param carry - the server is pleased: the wire carries the connection from now on
 * @param lost - the wire is gone. `moving`: perhaps because the connection moved, and the attempt will tell
 * @param down - there is no wire, and none will come by itself. `over`: the session cannot go on either
 */
export const makeDialer = (
  url: Each<string | URL>,
  { query, timeout = TIMEOUT, transformers }: AnyClientOptions,
  client: Pick<Client, 'auth'> & {
    emit(event: 'attempt', attempt: Attempt): unknown
    failed(error: unknown, event: string): void
  },
  hello: (auth: unknown, move: boolean) => string,
  carry: (wire: Wire, welcome: Welcome, transformer: string) => void,
  message: (data: Data) => void,
  drain: () => void,
  lost: (goodbye: Goodbye, moving: boolean) => void,
  down: (goodbye: Goodbye, over?: boolean) => void
) => {
  /** The link that carries the connection, and those that may, each by what aborts it. */
  let link: Abort | undefined
  const links = new Set<Abort>()
  /** Settles what goes on to get a wire, or another one. */
  let attempt: ((error?: LinkError) => void) | undefined
  /** The server was asked to go on over another wire. */
  let moving = false

  /** Lets go of the wire. `gently`: somebody else sees to its end. */
  const drop = (gently?: boolean): void => {
    const before = link
    link = undefined
    if (!gently) before?.()
  }

  /** The attempt is over, and so are its links. */
  const settle = (error?: LinkError): void => {
    attempt?.(error)
    attempt = undefined
    moving = false
    for (const abort of links) abort(error)
  }

  /** Opens a wire, says hello over it, and then has it carry the connection. */
  const open = (transformer: ClientTransformer, target: URL, credentials: unknown): Link => {
    const { name } = transformer
    const since = performance.now()
    const controller = new AbortController()
    let wire: Wire | undefined
    let succeed!: (nothing?: undefined) => void
    let fail!: Abort
    const own = new Promise<undefined>((resolve, reject) => {
      succeed = resolve
      fail = reject
    })
    const abort = (error = linkError()): void => {
      links.delete(abort)
      fail(error)
      controller.abort()
    }
    const answered = (on: Wire, data: Data): void => {
      const welcome = readControl(WELCOME, data)
      const goodbye = readControl(CLOSE, data)
      // A connection moves as it is, or not at all.
      if (isWelcome(welcome) && (welcome[2] || !link)) {
        links.delete(abort)
        succeed()
        drop()
        link = abort
        settle()
        carry(on, welcome, name)
      } else abort(linkError(isGoodbye(goodbye) ? goodbye : tell(ERR_PROTOCOL), true))
    }
    const start = async (): Promise<void> => {
      await new Promise<void>(ready =>
        transformer.dial(
          target,
          {
            open(on) {
              // At once: a server's first message may come with the answer to the request.
              wire = on
              ready()
            },
            message(data) {
              if (link === abort) message(data)
              // What may be lost may also come before the welcome.
              else if (wire && links.has(abort) && !(headOf(data) >= LOOSE)) answered(wire, data)
            },
            drain() {
              if (link === abort) drain()
            },
            close(code, reason, error) {
              const goodbye: Goodbye = [code, reason || error?.message || '', 0]
              if (link !== abort) return abort(linkError(goodbye))
              link = undefined
              lost(goodbye, moving)
            }
          },
          controller.signal
        )
      )
      if (!links.has(abort)) return
      moving = true
      wire?.send(hello(credentials, !!link))
    }
    const told = (error?: LinkError): void =>
      void client.emit('attempt', { transformer: name, duration: performance.now() - since, error })
    own.then(told, told)
    links.add(abort)
    start().catch((error: unknown) => abort(linkErrorOf(error)))
    return Object.assign(own, { abort })
  }

  /**
   * Gets a wire by a strategy. Without one it tells, unless there still is the wire of before.
   * @throws ERR_CLOSED where it does so already
   */
  const dial = (choose: Strategy): Promise<void> =>
    new Promise((resolve, reject) => {
      if (attempt) throw new AnywireError(ERR_CLOSED)
      let target: URL | undefined
      const fail = (thrown: unknown): void => {
        const error = linkErrorOf(thrown)
        if (attempt !== mine) return
        settle(error)
        if (!link) down(error.goodbye, error.refused)
        // Nothing else would tell: what the application was asked for failed.
        if (!target && !error.refused) client.failed(thrown, 'url or auth')
      }
      const timer = setTimeout(fail, Math.min(timeout, LONGEST), linkError(tell(ERR_HANDSHAKE_TIMEOUT)))
      const mine = (attempt = (error?: LinkError): void => {
        clearTimeout(timer)
        return error ? reject(error) : resolve()
      })
      const start = async (): Promise<void> => {
        const [base, credentials] = await Promise.all([each(url), client.auth()])
        // What cannot travel is told like an `auth` that throws.
        JSON.stringify(credentials)
        const to = (target = attemptUrl(base, query))
        await choose(
          transformers,
          transformer => {
            if (attempt !== mine) throw linkError()
            return open(transformer, to, credentials)
          },
          to
        )
      }
      start().catch(fail)
    })

  /** Ends everything. `gently`: the wire is left to close as it should be. */
  const stop = (gently?: boolean): void => {
    drop(gently)
    settle(linkError())
  }

  return [dial, stop] as const
}
