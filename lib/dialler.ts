import type { Attempt } from './connection.ts'
import type { AnyClientOptions, Client, Each } from './client.ts'
import { each } from './each.ts'
import { AnywireError, tell } from './errors.ts'
import { ERR_CLOSED, ERR_HANDSHAKE_TIMEOUT, ERR_PROTOCOL } from './failures.ts'
import { CLOSE, headOf, LOOSE, WELCOME } from './frames.ts'
import { isGoodbye, isWelcome, parseJson } from './handshake.ts'
import type { Goodbye, Welcome } from './handshake.ts'
import { linkError, linkErrorOf } from './link.ts'
import type { Link, LinkError } from './link.ts'
import type { Open, Strategy } from './strategy.ts'
import { LONGEST } from './timer.ts'
import type { ClientTransformer, Data, Wire } from './transformer.ts'
import { attemptUrl } from './url.ts'

/** Milliseconds for an attempt to connect, or to move. */
const TIMEOUT = 10_000

/** Whom the wires serve. */
export interface Carried {
  /** Makes a hello when it is time for it. `move`: there is a wire already. */
  hello(auth: unknown, move: boolean): string
  /** The server is pleased: the wire carries the connection from now on. */
  open(wire: Wire, welcome: Welcome, transformer: string): void
  message(data: Data): void
  drain(): void
  /** The wire is gone. `moving`: perhaps because the connection moved, and the attempt will tell. */
  close(goodbye: Goodbye, moving: boolean): void
  /** There is no wire, and none will come by itself. `over`: the session cannot go on either. */
  down(goodbye: Goodbye, over: boolean): void
}

/** Gets wires, one after the other, and feeds the client what comes over the one that carries its connection. */
export const makeDialler = (
  url: Each<string | URL>,
  { query, timeout = TIMEOUT, transformers }: AnyClientOptions,
  client: Pick<Client, 'auth'> & { emit(event: 'attempt', attempt: Attempt): unknown },
  carried: Carried
) => {
  /** The one that carries the connection; and those that may. */
  let link: Link | undefined
  const links: Link[] = []
  /** Settles what goes on to get a wire, or another one. */
  let attempt: ((error?: LinkError) => void) | undefined
  /** The server was asked to go on over another wire. */
  let moving = false

  /** Lets go of the wire, unless somebody else sees to its end. */
  const drop = (): void => {
    const before = link
    link = undefined
    before?.abort()
  }

  /** The attempt is over, and so are its links, but the one in use. */
  const settle = (error?: LinkError): void => {
    attempt?.(error)
    attempt = undefined
    moving = false
    for (const other of links.splice(0)) if (other !== link) other.abort(error)
  }

  /** Opens a wire, says hello over it, and then has it carry the connection. */
  const open = (
    transformer: ClientTransformer,
    target: URL,
    credentials: unknown,
    turn?: () => Promise<unknown>
  ): Link => {
    const { name } = transformer
    const since = performance.now()
    const controller = new AbortController()
    let opened: Wire | undefined
    /** Once it is settled, it is over. */
    let settled: ((error?: LinkError) => void) | undefined
    const end = (error?: LinkError): void => {
      const told = settled
      settled = undefined
      if (!told) return
      const duration = performance.now() - since
      // The client is in the midst of it: handlers come when it is done.
      queueMicrotask(() => client.emit('attempt', { transformer: name, duration, error }))
      told(error)
    }
    const own: Link = {
      transformer: name,
      settled: new Promise((resolve, reject) => {
        settled = error => (error ? reject(error) : resolve())
      }),
      abort(error = linkError()) {
        end(error)
        controller.abort()
      }
    }
    const answered = (wire: Wire, data: Data): void => {
      const type = data.slice(0, 2)
      const answer = parseJson(data.slice(2))
      if (type === CLOSE && isGoodbye(answer)) end(linkError(answer, true))
      // A connection moves as it is, or not at all.
      else if (type === WELCOME && isWelcome(answer) && (answer[2] || !link)) {
        end()
        drop()
        link = own
        settle()
        carried.open(wire, answer, name)
      } else own.abort(linkError(tell(ERR_PROTOCOL), true))
    }
    const start = async (): Promise<void> => {
      await new Promise<void>(ready =>
        transformer.dial(
          target,
          {
            open(wire) {
              opened = wire
              ready()
            },
            message(data) {
              if (link === own) carried.message(data)
              // What may be lost may also come before the welcome.
              else if (opened && settled && !(headOf(data) >= LOOSE)) answered(opened, data)
            },
            drain() {
              if (link === own) carried.drain()
            },
            close(code, reason, error) {
              const goodbye: Goodbye = [code, reason || (error?.message ?? ''), 0]
              if (link !== own) return end(linkError(goodbye))
              link = undefined
              carried.close(goodbye, moving)
            }
          },
          controller.signal
        )
      )
      await turn?.()
      if (!settled) return
      moving = true
      opened?.send(carried.hello(credentials, !!link))
    }
    start().catch((error: unknown) => own.abort(linkErrorOf(error)))
    links.push(own)
    return own
  }

  /**
   * Gets a wire by a strategy. Without one it tells, unless there still is the wire of before.
   * @throws ERR_CLOSED where it does so already
   */
  const dial = (choose: Strategy): Promise<void> =>
    new Promise((resolve, reject) => {
      if (attempt) return reject(new AnywireError(ERR_CLOSED))
      let any = false
      const mine = (attempt = (error?: LinkError): void => {
        clearTimeout(timer)
        return error ? reject(error) : resolve()
      })
      const fail = (error: LinkError): void => {
        if (attempt !== mine) return
        settle(error)
        if (!link) carried.down(error.goodbye, error.refused)
      }
      const timer = setTimeout(fail, Math.min(timeout, LONGEST), linkError(tell(ERR_HANDSHAKE_TIMEOUT)))
      const start = async (): Promise<void> => {
        const [base, credentials] = await Promise.all([each(url), client.auth()])
        const target = attemptUrl(base, query)
        const next: Open = (transformer, turn) => {
          if (attempt !== mine) throw linkError()
          any = true
          return open(transformer, target, credentials, turn)
        }
        await choose(transformers, next, target)
      }
      start().catch((thrown: unknown) => {
        const error = linkErrorOf(thrown)
        fail(error)
        // Nothing else would tell: what the application was asked for failed.
        if (!any) client.emit('attempt', { transformer: '', duration: 0, error })
      })
    })

  /** Ends everything. `gently`: the wire is left to close as it should be. */
  const stop = (gently?: boolean): void => {
    if (gently) link = undefined
    drop()
    settle(linkError())
  }

  return [dial, stop] as const
}
