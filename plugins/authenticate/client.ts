import type { Each } from '../../lib/client.ts'
import type { Listenable } from '../../lib/connection.ts'
import { makeDeadlines } from '../../lib/deadlines.ts'
import { each } from '../../lib/each.ts'
import { Emitter } from '../../lib/emitter.ts'
import { AnywireError, textOf } from '../../lib/errors.ts'
import { ERR_CANCELLED, ERR_CLOSED, ERR_HANDLER, ERR_TIMEOUT } from '../../lib/failures.ts'
import type { Client } from '../../lib/client.ts'
import type { Lane } from '../../lib/lane.ts'
import type { During, PluginInfo } from '../../lib/plugin.ts'
import { LONGEST } from '../../lib/timer.ts'
import { errorOf, packetOf } from './wire.ts'

export interface AuthenticateClientOptions {
  /**
   * Whether the `auth` option is asked again, and shown, when the server says that it is about to expire; also more than once,
   * where that fails and there is time. Default true.
   */
  readonly auto?: boolean | undefined
}

export interface AuthenticateEvents {
  /** What was shown last expires in so many milliseconds. Who renews it in a listener keeps `auto` from doing so. */
  expiring: [expiring: { readonly within: number }]
  /** The server has accepted something new. */
  renew: []
  /** It has not, or there was nothing to show: why. */
  refuse: [error: AnywireError]
}

/** `client.authenticate` */
export interface Authenticate extends Listenable<AuthenticateEvents> {
  /**
   * Shows something new to the server's `authenticate`, over the connection that is there or about to be, and at each
   * attempt from now on.
   * @param auth - as the `auth` option; without it that is asked again
   * @returns resolves when the server has accepted it. Rejects with why it has not, ERR_UNAUTHORIZED for example: then
   * nothing has changed. With ERR_HANDLER where `auth` fails, with ERR_TIMEOUT where it has not settled when the time that
   * `expiring` told is over; with ERR_CANCELLED where a later call had something to show
   * earlier. And with ERR_CLOSED; on a client that is not in use, set `client.auth` before `open`. That nobody waits for it
   * does no harm
   */
  (auth?: Each<unknown>): Promise<void>
}

/**
 * In the time that there is, what fails is tried again after a thirtieth of it, and then each time after twice as long; but never later
 * than in the middle of what is left, until that is too short.
 */
const PARTS = 30

/** What the application's own function failed with, as an error of this library. */
const failureOf = (error: unknown): AnywireError =>
  error instanceof AnywireError ? error : new AnywireError(ERR_HANDLER, `'auth': ${textOf(error)}`, error)

/** Something that was shown, and not answered. */
interface Asked {
  readonly text: string
  resolve(): void
  reject(error: AnywireError): void
}

/** Something whose `auth` has not settled. */
interface Waiting {
  /** When it is given up, by the clock of `performance.now()`. */
  deadline: number
  readonly fail: (error: AnywireError) => void
  readonly expire: () => void
}

/** The client half. */
export interface AuthenticateClientPlugin extends PluginInfo {
  readonly name: 'authenticate'
  readonly version: 1
  client(client: Client, lane: Lane, during: During): Authenticate
}

/** Renews the authentication of a connection. The other half is the server's. */
export const authenticate = ({ auto = true }: AuthenticateClientOptions = {}): AuthenticateClientPlugin => ({
  name: 'authenticate',
  version: 1,
  client(client, lane, during): Authenticate {
    const events = new Emitter<AuthenticateEvents>()
    const asked = new Map<number, Asked>()
    let last = 0
    /** What is being shown, by its number, in that order; what was accepted last, and the latest call of the application that was. */
    const shown = new Map<number, () => unknown>()
    let accepted = client.auth
    let best = 0
    /** By their numbers; and the number of the plugin's own renewal. */
    const waiting = new Map<number, Waiting>()
    let own = 0
    const deadlines = makeDeadlines(() => waiting.values())
    /** The end that was told, unless something was accepted since. */
    let over = Infinity
    /** Until it is shown again. */
    let timer: ReturnType<typeof setTimeout> | undefined

    /** A renewal is over. What it took the place of is shown again where it was refused. */
    const end = (number: number, mine: () => unknown): void => {
      if (!shown.delete(number)) return
      const before = [...shown.values()].at(-1) ?? accepted
      if (best !== number && client.auth === mine) client.auth = before
    }

    const show = async (auth: unknown): Promise<void> => {
      const isOver = (): boolean => client.state === 'idle' || client.state === 'closed'
      if (isOver()) throw new AnywireError(ERR_CLOSED)
      const number = ++last
      const before = client.auth
      const mine = auth === undefined ? before : () => each(auth)
      try {
        const settled = new Promise<unknown>((resolve, reject) => {
          const deadline = over > performance.now() ? over : Infinity
          const expire = (): void => reject(new AnywireError(ERR_TIMEOUT, "of 'auth'"))
          waiting.set(number, { deadline, fail: reject, expire })
          deadlines.watch(deadline)
          each(mine).then(resolve, reject)
        }).finally(() => {
          waiting.delete(number)
          if (!waiting.size) deadlines.look()
        })
        const text = JSON.stringify([number, await settled])
        // A later one is on its way, or was accepted. The plugin's own has only what there was before, and is later than none.
        if (
          best > number ||
          (number === own && client.auth !== before) ||
          [...asked.keys()].some(other => other > number && other !== own)
        )
          throw new AnywireError(ERR_CANCELLED)
        if (isOver()) throw new AnywireError(ERR_CLOSED)
        const isOurs = [before, accepted, ...shown.values()].includes(client.auth)
        if (!shown.size) accepted = client.auth
        // What never settles would keep each attempt waiting. And what the application has set itself meanwhile stays.
        if (isOurs) client.auth = mine
        shown.set(number, mine)
        await new Promise<void>((resolve, reject) => {
          const accept = (): void => {
            if (best < number) accepted = mine
            if (number !== own) best = Math.max(best, number)
            over = Infinity
            clearTimeout(timer)
            resolve()
          }
          asked.set(number, { text, resolve: accept, reject })
          // Elsewhere the next session has it sent.
          if (lane.connected) lane.write(text)
        })
      } catch (error) {
        throw failureOf(error)
      } finally {
        end(number, mine)
      }
    }

    const renew = (auth?: Each<unknown>): Promise<void> => {
      const renewal = show(auth)
      renewal.then(
        () => events.emit('renew'),
        (error: AnywireError) => events.emit('refuse', error)
      )
      return renewal
    }

    /** Shows it, and does so again as long as there is time. */
    const tryFor = (time: number, least: number, most = least): void => {
      const since = performance.now()
      own = last + 1
      // That it was refused is told by an event.
      renew().catch(({ code }: AnywireError) => {
        const left = time - (performance.now() - since)
        const wait = Math.min(most, left / 2, LONGEST)
        if (wait < least || code === ERR_CLOSED[0] || code === ERR_CANCELLED[0]) return
        timer = setTimeout(() => shown.size || tryFor(left - wait, least, most * 2), wait)
      })
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
      } else if (typeof within === 'number' && within > 0 && within < Infinity) {
        clearTimeout(timer)
        over = performance.now() + within
        for (const one of waiting.values()) one.deadline = Math.min(one.deadline, over)
        deadlines.look()
        const before = last
        events.emit('expiring', { within })
        // A listener may renew it. What has nothing to show so far may never have.
        if (auto && last === before && !shown.size && !waiting.has(own))
          tryFor(within, Math.min(within / PARTS, LONGEST))
      } else lane.write('[0]')
    })
    client.on('open', ({ recovered }) => {
      // It was asked, and shown.
      clearTimeout(timer)
      over = Infinity
      if (recovered) return
      waiting.get(own)?.fail(new AnywireError(ERR_CANCELLED))
      for (const { text } of asked.values()) lane.write(text)
    })
    during(() => () => {
      clearTimeout(timer)
      for (const { fail } of waiting.values()) fail(new AnywireError(ERR_CLOSED))
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
})
export type * from '../../lib/types.ts'
