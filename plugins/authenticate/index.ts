import { AnywireError } from '../../lib/errors.ts'
import { ERR_OPTION } from '../../lib/failures.ts'
import { checkEvents } from '../../lib/check-events.ts'
import type { EventNames } from '../../lib/checked-emitter.ts'
import type { Lane } from '../../lib/lane.ts'
import type { During } from '../../lib/plugin.ts'
import { amount, callable, checkPartOptions, flag } from '../../lib/option-rules.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Server } from '../../lib/server/server.ts'
import { authenticate as base } from './client.ts'
import type { AuthenticateClientOptions, AuthenticateClientPlugin, AuthenticateEvents } from './client.ts'
import { Renewals } from './renewals.ts'
import type { AuthenticateServerOptions } from './renewals.ts'

const EVENTS: EventNames<AuthenticateEvents> = { expiring: true, renew: true, refuse: true }

export interface AuthenticateOptions<Context = unknown>
  extends AuthenticateClientOptions, AuthenticateServerOptions<Context> {}

/** What `authenticate` makes, both halves. */
export interface AuthenticatePlugin<Context = unknown> extends AuthenticateClientPlugin {
  server(server: Server): void
  peer(peer: Peer<Context>, lane: Lane, server: Server, during: During): void
}

/**
 * Authentication that is renewed while a connection lives, and that expires. Both halves.
 * @throws ERR_OPTION; `createServer` does where `expires` is without an `authenticate`
 * @example
 * createServer(http, { authenticate: verify, plugins: [authenticate<Claims>({ expires: ({ exp }) => exp * 1_000 })] })
 * await connect(url, { auth: token, plugins: [authenticate()] }).authenticate(newToken)
 */
export const authenticate = <Context = unknown>(
  options: AuthenticateOptions<Context> = {}
): AuthenticatePlugin<Context> => {
  checkPartOptions('authenticate', options, {
    auto: flag,
    expires: callable,
    notice: amount(0),
    same: callable,
    timeout: amount(0)
  })
  const { expires = () => undefined, notice = 30_000, same = () => true, timeout = 10_000 } = options
  const half = base(options)
  const all = new WeakMap<Peer, Renewals<Context>>()
  return {
    ...half,
    client: (client, lane, during) => checkEvents(half.client(client, lane, during), EVENTS),
    server(server: Server): void {
      if (options.expires && !server.judges)
        throw new AnywireError(ERR_OPTION, "'expires' of 'authenticate' needs the server's option 'authenticate'")
      server.on('context', peer => all.get(peer)?.watch())
    },
    peer(peer: Peer<Context>, lane: Lane, _server: Server, during: During): void {
      const renewals = new Renewals(peer, lane, { expires, notice, same, timeout })
      all.set(peer, renewals)
      lane.on('data', text => renewals.heard(text))
      peer.on('open', () => renewals.back())
      during(() => () => renewals.stop())
    }
  }
}

export type { Authenticate, AuthenticateClientOptions, AuthenticateClientPlugin, AuthenticateEvents } from './client.ts'
export type { AuthenticateServerOptions } from './renewals.ts'
export type * from '../../lib/server/types.ts'
