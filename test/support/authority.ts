import assert from 'node:assert/strict'
import { useFakeTimers } from 'sinon'
import type { SinonFakeTimers } from 'sinon'
import type { Failure } from '../../lib/errors.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Store, Value } from '../../lib/store.ts'
import { TICKS } from '../../plugins/records/core/clock.ts'
import { decodeFrame, encodeFrame } from './records-codec.ts'
import type { ClientFrame, Delta, Follow, Hello, ServerFrame, WriteFrame } from '../../plugins/records/core/frame.ts'
import { DELETED, IMPLICIT, INCREMENT, LEAF, OBJECT } from '../../plugins/records/core/register.ts'
import type { Write } from '../../plugins/records/core/register.ts'
import { sealOf } from '../../lib/server/seal.ts'
import { Authority } from '../../plugins/records/server/authority.ts'
import type { AuthorityOptions } from '../../plugins/records/server/authority.ts'
import type { Multicast } from '../../plugins/records/server/fan-out.ts'
import { memory, MemoryDisk } from '../../stores/memory.ts'

/** When it is. */
export const NOW = 1_750_000_000_000

/** What a client follows. */
export const scope = (number: number, name: string, more: Partial<Follow> = {}): Follow => ({
  scope: number,
  name,
  query: undefined,
  epoch: '',
  since: 0,
  digest: 0,
  ...more
})

/** Writes at a time, so many milliseconds behind NOW. */
export const at = (time: number, node: string, counter = 0) => {
  const stamp = { t: (NOW + time) * TICKS + counter, node }
  return {
    set: (path: string, value: Value): Write => ({ path, kind: LEAF, value, ...stamp }),
    make: (path = ''): Write => ({ path, kind: OBJECT, value: undefined, ...stamp }),
    remove: (path = ''): Write => ({ path, kind: DELETED, value: undefined, ...stamp }),
    add: (path: string, value: number): Write => ({ path, kind: INCREMENT, value, ...stamp }),
    implicit: (): Write => ({ path: '', kind: OBJECT, value: undefined, ...IMPLICIT })
  }
}

/** Somebody whom rules can tell from others. */
export const peerOf = (user: string): Peer => {
  const peer: Pick<Peer, 'context' | 'id'> = { context: { user }, id: user }
  // Rules see nothing else of it here.
  return peer as Peer
}

/** Who is asked about. */
export const userOf = ({ context }: { readonly context: unknown }): string =>
  typeof context === 'object' && context !== null && 'user' in context ? String(context.user) : ''

/** A client, as its frames. */
export class WireClient {
  readonly node: string
  /** That of its storage: clients that have one node are those of one storage. */
  secret: string
  readonly frames: ServerFrame[] = []
  readonly failures: string[] = []
  /** Frames that it takes before it says that it is full. */
  room = Infinity
  /** What it throws that sends to it. */
  error: Error | undefined
  number = 0
  readonly send: (bytes: Uint8Array) => boolean
  readonly #follower: ReturnType<Authority['connect']>
  /** How many of the frames were looked at. */
  #seen = 0

  constructor(authority: Authority, node: string, peer: Peer | undefined) {
    this.node = node
    this.secret = `the-secret-of-${node}-alone`
    this.send = bytes => {
      if (this.error) throw this.error
      const frame = decodeFrame(bytes)
      assert(
        frame.type === 'delta' ||
          frame.type === 'welcome' ||
          frame.type === 'pong' ||
          frame.type === 'mismatch' ||
          frame.type === 'notice'
      )
      this.frames.push(frame)
      return --this.room > 0
    }
    this.#follower = authority.connect({
      peer,
      send: this.send,
      fail: ([code]: Failure) => this.failures.push(code)
    })
  }

  say(frame: ClientFrame): void {
    this.#follower.receive(encodeFrame(frame))
  }

  sayBytes(bytes: Uint8Array): void {
    this.#follower.receive(bytes)
  }

  hello(follows: readonly Follow[] = [], more: Partial<Hello> = {}): void {
    const { node, secret } = this
    this.say({ type: 'hello', version: 1, secret, schema: undefined, asked: 1.5, nodes: [[node, 1]], follows, ...more })
  }

  /** Writes to one record. */
  write(record: string, registers: readonly Write[], more: Partial<WriteFrame> = {}): void {
    const number = more.number ?? ++this.number
    const records = [{ record, registers }]
    this.say({ type: 'write', node: this.node, atomic: false, conditions: [], records, ...more, number })
  }

  drained(room = Infinity): void {
    this.room = room
    this.#follower.drained()
  }

  end(): void {
    this.#follower.end()
  }

  refresh(): void {
    this.#follower.refresh()
  }

  /** The frames that came since this was asked last. */
  get news(): readonly ServerFrame[] {
    const news = this.frames.slice(this.#seen)
    this.#seen = this.frames.length
    return news
  }

  /** The deltas that came since it was asked last. */
  get deltas(): readonly Delta[] {
    return this.news.filter(frame => frame.type === 'delta')
  }

  /** The only delta that came since it was asked last. */
  get delta(): Delta {
    const { deltas } = this
    assert.equal(deltas.length, 1, `there are ${deltas.length} deltas`)
    const [delta] = deltas
    assert(delta)
    return delta
  }
}

/** An authority in a time of its own, and its clients. */
export class World {
  readonly clock: SinonFakeTimers
  readonly disk = new MemoryDisk()
  readonly failed: unknown[] = []
  authority: Authority
  readonly #clients = new WeakMap<Peer, WireClient>()
  readonly multicast: Multicast = (peers, bytes) => new Set(peers.filter(peer => !this.#clients.get(peer)?.send(bytes)))

  constructor(options: Partial<AuthorityOptions> = {}, wrap: (store: Store) => Store = store => store) {
    this.clock = useFakeTimers({
      now: NOW,
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate', 'Date'],
      shouldClearNativeTimers: true
    })
    this.authority = this.make(options, wrap)
  }

  /** An authority with what the one before has left in the store. */
  make(options: Partial<AuthorityOptions> = {}, wrap: (store: Store) => Store = store => store): Authority {
    this.authority = new Authority(wrap(memory({ disk: this.disk })), {
      now: () => Date.now(),
      seal: sealOf,
      failed: error => this.failed.push(error),
      multicast: this.multicast,
      ...options
    })
    return this.authority
  }

  client(node = 'ann', peer?: Peer): WireClient {
    const client = new WireClient(this.authority, node, peer)
    if (peer) this.#clients.set(peer, client)
    return client
  }

  /** A client that was welcomed, and told everything. */
  async welcomed(node: string, follows: readonly Follow[] = [], peer?: Peer): Promise<WireClient> {
    const client = this.client(node, peer)
    client.hello(follows)
    await this.pass()
    assert(client.news.length > 0)
    return client
  }

  async pass(time = 1): Promise<void> {
    await this.clock.tickAsync(time)
  }

  async end(): Promise<void> {
    const closing = this.authority.close()
    await this.pass(100)
    await closing
    const left = this.clock.countTimers()
    this.clock.restore()
    assert.equal(left, 0, 'timers are left')
  }
}

/** A delta in short: records with what is at their paths. */
export const contents = (deltas: readonly Delta[]): Record<string, Record<string, unknown>> => {
  const found: Record<string, Record<string, unknown>> = {}
  for (const { record, registers } of deltas.flatMap(({ records }) => records)) {
    const fields = (found[record] ??= {})
    for (const { path, kind, value } of registers) fields[path] = kind === LEAF ? value : kind === OBJECT ? '{}' : '-'
  }
  return found
}
