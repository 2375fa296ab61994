import { AnywireError } from '../../lib/errors.ts'
import { ERR_DENIED, ERR_LIMIT, ERR_PLUGIN } from '../../lib/failures.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Server } from '../../lib/server/server.ts'
import type { PermissionRequest, Permissions } from '../permissions/index.ts'
import type { ServerPresence } from '../presence/index.ts'
import type { ServerPubSub } from '../pubsub/index.ts'
import type { ServerRecords } from '../records/index.ts'
import type { ServerRpc } from '../rpc/index.ts'
import type { Call, Item, Publish, ReadHistory } from './item.ts'

/** A server, and the plugins that it may have. */
export type HttpHost = Server & {
  readonly permissions?: Permissions
  readonly pubsub?: ServerPubSub
  readonly rpc?: Pick<ServerRpc<unknown>, 'call'>
  readonly presence?: ServerPresence
  readonly records?: Pick<ServerRecords, 'read'>
}

/** Items of a stream that become one answer. */
const MOST = 1_000

/** Does what one caller asks for, as far as permissions allow. */
export class Worker {
  readonly #host: HttpHost
  readonly #peer: Peer
  readonly #signal: AbortSignal

  /** @param signal - ends the calls that go on */
  constructor(host: HttpHost, peer: Peer, signal: AbortSignal) {
    this.#host = host
    this.#peer = peer
    this.#signal = signal
  }

  /** @throws why it was not done */
  async work(item: Item): Promise<unknown> {
    if ('publish' in item) return this.#publish(item)
    if ('call' in item) return this.#call(item)
    if ('history' in item) return this.#history(item)
    if ('retained' in item) {
      const { retained: name } = item
      const pubsub = there(this.#host.pubsub, 'pubsub')
      // It is what a subscriber gets first.
      await this.#check({ plugin: 'pubsub', verb: 'subscribe', name })
      return pubsub.retained(name) ?? null
    }
    if ('read' in item) {
      const { read: id, path } = item
      // It asks for permission itself: what may be read depends on what is there.
      const value = await there(this.#host.records, 'records').read(this.#peer, id, path)
      return value ?? null
    }
    const { members: name } = item
    const presence = there(this.#host.presence, 'presence')
    await this.#check({ plugin: 'presence', verb: 'watch', name })
    return presence.members(name)
  }

  async #publish({ publish: name, key, ...rest }: Publish): Promise<number> {
    const pubsub = there(this.#host.pubsub, 'pubsub')
    const previous = pubsub.retained(name)?.value
    await this.#check({ plugin: 'pubsub', verb: 'publish', name, value: rest.value, previous })
    // No value is not the same as undefined.
    if (!('value' in rest)) return pubsub.publish(name)
    return pubsub.publish(name, rest.value, key === undefined ? {} : { key })
  }

  async #call({ call: name, args = [], ...options }: Call): Promise<unknown> {
    const rpc = there(this.#host.rpc, 'rpc')
    await this.#check({ plugin: 'rpc', verb: 'call', name, value: args })
    const { timeout, key } = options
    const result = await rpc.call(this.#peer, name, args, {
      signal: this.#signal,
      ...(timeout && { timeout }),
      ...(key && { key })
    })
    return isStream(result) ? collect(result) : result
  }

  async #history({ history: name, since, limit, reverse }: ReadHistory): Promise<unknown> {
    const pubsub = there(this.#host.pubsub, 'pubsub')
    await this.#check({ plugin: 'pubsub', verb: 'history', name })
    return pubsub.history(name, {
      ...(since && { since }),
      ...(limit !== undefined && { limit }),
      ...(reverse !== undefined && { reverse })
    })
  }

  async #check(asked: Omit<PermissionRequest, 'peer'>): Promise<void> {
    const allowed = await (this.#host.permissions?.check({ peer: this.#peer, ...asked }) ?? true)
    // Whoever is not there any more, or was told already, does nothing.
    this.#signal.throwIfAborted()
    if (!allowed) throw new AnywireError(ERR_DENIED, `'${asked.verb}' of '${asked.name}'`)
  }
}

const there = <T>(plugin: T | undefined, name: string): T => {
  if (plugin) return plugin
  throw new AnywireError(ERR_PLUGIN, `'${name}'`)
}

const isStream = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value

const collect = async (stream: AsyncIterable<unknown>): Promise<unknown[]> => {
  const items: unknown[] = []
  for await (const item of stream) {
    if (items.push(item) > MOST) throw new AnywireError(ERR_LIMIT, `${MOST} items of a stream`)
  }
  return items
}
