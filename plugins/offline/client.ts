import type { Listenable, WriteOptions } from '../../lib/connection.ts'
import type { Keeper } from '../../lib/client.ts'
import { Emitter } from '../../lib/emitter.ts'
import { payloadOf } from '../../lib/frames.ts'
import { isOffline, watchNetwork } from '../../lib/network.ts'
import { sizeOf } from '../../lib/outbox.ts'
import type { ClientPlugin } from '../../lib/plugin.ts'
import { print } from '../../lib/print.ts'
import type { Data } from '../../lib/transformer.ts'

export interface OfflineOptions {
  /** Encoded bytes that may wait while there is no wire. Default 1 MiB. */
  readonly bytes?: number
  /** Which values are discarded when more are written: the `newest` (default) or the `oldest`. */
  readonly discard?: 'newest' | 'oldest'
  /** Milliseconds that a value may wait, unless its write says otherwise. Default Infinity. */
  readonly expires?: number
  /** Milliseconds for an answer when the browser says that the network changed or the page is back. Default 2,000. */
  readonly probe?: number
}

/** Why a value was not sent: there was no room, it waited too long, or the client closed. */
export type DiscardReason = 'full' | 'expired' | 'closed'

export interface OfflineEvents {
  /** Values can travel; what waited was sent. */
  online: [flushed: { readonly values: number }]
  /** Values wait from here on. */
  offline: []
  discard: [discarded: { readonly value: unknown; readonly reason: DiscardReason }]
}

/** `client.offline` */
export interface Offline extends Listenable<OfflineEvents> {
  /** Whether values can travel. */
  readonly online: boolean
  /** How many values wait, and their bytes. */
  readonly size: number
  readonly bytes: number
}

interface Waiting {
  /** As it was when it was written, whatever the application does to it later. */
  readonly data: Data
  readonly deadline: number
}

class Queue extends Emitter<OfflineEvents> implements Offline, Keeper {
  readonly #options: Required<OfflineOptions>
  readonly #decode: (data: Data) => unknown
  #waiting: Waiting[] = []
  online = false
  bytes = 0

  constructor(options: Required<OfflineOptions>, decode: (data: Data) => unknown) {
    super()
    this.#options = options
    this.#decode = decode
  }

  get size(): number {
    return this.#waiting.length
  }

  put(data: Data, { expires = this.#options.expires }: WriteOptions = {}): void {
    const { bytes, discard } = this.#options
    const waiting = { data, deadline: Date.now() + expires }
    const room = bytes - sizeOf(data)
    const gone: Waiting[] = []
    while (discard === 'oldest' && this.bytes > room && this.#waiting[0]) gone.push(...this.#remove(1))
    if (this.bytes > room) gone.push(waiting)
    else {
      this.#waiting.push(waiting)
      this.bytes += sizeOf(data)
    }
    this.#discard(gone, 'full')
  }

  take(): readonly Data[] {
    const now = Date.now()
    const all = this.#remove()
    const values = all.filter(({ deadline }) => deadline >= now).map(({ data }) => data)
    // Handlers come last: they may write.
    queueMicrotask(() => {
      this.#discard(
        all.filter(({ deadline }) => deadline < now),
        'expired'
      )
      this.emit('online', { values: values.length })
    })
    this.online = true
    return values
  }

  lost(): void {
    if (!this.online) return
    this.online = false
    this.emit('offline')
  }

  close(): void {
    this.#discard(this.#remove(), 'closed')
  }

  override failed(error: unknown): void {
    print(error)
  }

  #remove(count = this.size): Waiting[] {
    const removed = this.#waiting.splice(0, count)
    for (const { data } of removed) this.bytes -= sizeOf(data)
    return removed
  }

  #discard(all: readonly Waiting[], reason: DiscardReason): void {
    for (const { data } of all) this.emit('discard', { value: this.#decode(data), reason })
  }
}

const DEFAULTS: Required<OfflineOptions> = { bytes: 1_048_576, discard: 'newest', expires: Infinity, probe: 2_000 }

/** Keeps what is written while there is no wire, and notices when a wire is dead. */
export const offline = (options: OfflineOptions = {}) =>
  ({
    name: 'offline',
    version: 1,
    local: true,
    client(client, _lane, during): Offline {
      const settings = { ...DEFAULTS, ...options }
      const queue = new Queue(settings, data => client.parser.decode(payloadOf(data)))
      client.keep(queue)
      client.on('disconnect', () => queue.lost())
      client.on('close', ({ reconnect }) => {
        queue.lost()
        if (!reconnect) queue.close()
      })
      during(() =>
        watchNetwork(() => {
          // What becomes of the wire is told by its events.
          client.ping(isOffline() ? 0 : settings.probe).catch(() => {})
        })
      )
      return queue
    }
  }) as const satisfies ClientPlugin
