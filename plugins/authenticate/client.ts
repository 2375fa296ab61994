import type { Each } from '../../lib/client.ts'
import type { Listenable } from '../../lib/connection.ts'
import { each } from '../../lib/each.ts'
import { Emitter } from '../../lib/emitter.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_CLOSED } from '../../lib/failures.ts'
import type { ClientPlugin } from '../../lib/plugin.ts'
import { errorOf, packetOf } from './wire.ts'

export interface AuthenticateClientOptions {
  /** Whether the `auth` option is asked again, and shown, when the server says that it is about to expire. Default true. */
  readonly auto?: boolean
}

export interface AuthenticateEvents {
  /** What was shown last expires in so many milliseconds. Who renews it in a listener keeps `auto` from doing so. */
  expiring: [expiring: { readonly within: number }]
  /** The server has accepted something new. */
  renew: []
  /** It has not, or there was nothing to show: why. */
  refuse: [error: unknown]
}

/** `client.authenticate` */
export interface Authenticate extends Listenable<AuthenticateEvents> {
  /**
   * Shows something new to the server's `authenticate`, over the connection that is there or about to be, and at each
   * attempt from now on.
   * @param auth - as the `auth` option; without it that is asked again
   * @returns resolves when the server has accepted it. Rejects with why it has not, ERR_UNAUTHORIZED for example: then
   * nothing has changed. And with ERR_CLOSED; on a client that is not in use, set `client.auth` before `open`. That nobody waits for it does no harm
   */
  (auth?: Each<unknown>): Promise<void>
}

/** Something that was shown, and not answered. */
interface Asked {
  readonly text: string
  resolve(): void
  reject(error: AnywireError): void
}

/** Renews the authentication of a connection. The other half is the server's. */
export const authenticate = ({ auto = true }: AuthenticateClientOptions = {}) =>
  ({
    name: 'authenticate',
    version: 1,
    client(client, lane, during): Authenticate {
      const events = new Emitter<AuthenticateEvents>()
      const asked = new Map<number, Asked>()
      let last = 0
      /** Renewals that go on, and what was accepted before them. */
      let busy = 0
      let accepted = client.auth

      const show = async (auth: unknown): Promise<void> => {
        const isOver = (): boolean => client.state === 'idle' || client.state === 'closed'
        if (isOver()) throw new AnywireError(ERR_CLOSED)
        if (!busy++) accepted = client.auth
        const mine = auth === undefined ? client.auth : () => each(auth)
        client.auth = mine
        try {
          const shown = await mine()
          const number = ++last
          const text = JSON.stringify([number, shown])
          await new Promise<void>((resolve, reject) => {
            if (isOver()) return reject(new AnywireError(ERR_CLOSED))
            asked.set(number, { text, resolve, reject })
            // Elsewhere the next session has it sent.
            if (lane.connected) lane.write(text)
          })
          accepted = mine
        } catch (error) {
          if (client.auth === mine) client.auth = accepted
          throw error
        } finally {
          busy--
        }
      }

      const renew = (auth?: Each<unknown>): Promise<void> => {
        const renewal = show(auth)
        renewal.then(
          () => events.emit('renew'),
          (error: unknown) => events.emit('refuse', error)
        )
        return renewal
      }

      lane.on('data', text => {
        const packet = packetOf(text)
        if (!packet) return
        const [number, within] = packet
        if (number) {
          const error = errorOf(packet)
          if (error) asked.get(number)?.reject(error)
          else asked.get(number)?.resolve()
          asked.delete(number)
        } else if (typeof within === 'number') {
          events.emit('expiring', { within })
          // That it was refused is told by an event.
          if (auto && !busy) renew().catch(() => {})
        }
      })
      client.on('open', ({ recovered }) => {
        if (!recovered) for (const { text } of asked.values()) lane.write(text)
      })
      during(() => () => {
        for (const one of asked.values()) one.reject(new AnywireError(ERR_CLOSED))
        asked.clear()
      })
      if (client instanceof Emitter) events.failed = (...failure) => client.failed(...failure)
      const methods: Pick<Authenticate, keyof Authenticate> = {
        on: (event, listener) => events.on(event, listener),
        once: (event, listener) => events.once(event, listener),
        listenerCount: event => events.listenerCount(event)
      }
      return Object.assign(renew, methods)
    }
  }) as const satisfies ClientPlugin
