import type { Listenable } from '../../lib/connection.ts'
import { Emitter } from '../../lib/emitter.ts'
import { isOffline, watchNetwork } from '../../lib/network.ts'
import type { ClientPlugin } from '../../lib/plugin.ts'
import { print } from '../../lib/print.ts'
import { sizeOf } from '../../lib/outbox.ts'
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
  send(value: unknown): void
}

class Queue extends Emitter<OfflineEvents> implements Offline {
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

  push(data: Data, expires = this.#options.expires, send: Waiting['send']): void {
    const { bytes, discard } = this.#options
    const size = sizeOf(data)
    const waiting = { data, deadline: Date.now() + expires, send }
    while (discard === 'oldest' && this.bytes + size > bytes && this.#waiting[0]) this.#discard(this.#take(), 'full')
    if (this.bytes + size > bytes) return this.#discard(waiting, 'full')
    this.#waiting.push(waiting)
    this.bytes += size
  }

  /** Sends what waits, in order; returns how many values that were. */
  flush(): number {
    let values = 0
    for (let waiting = this.#take(); waiting; waiting = this.#take()) {
      if (waiting.deadline < Date.now()) this.#discard(waiting, 'expired')
      else {
        waiting.send(this.#decode(waiting.data))
        values++
      }
    }
    return values
  }

  clear(reason: DiscardReason): void {
    for (let waiting = this.#take(); waiting; waiting = this.#take()) this.#discard(waiting, reason)
  }

  override failed(error: unknown): void {
    print(error)
  }

  #take(): Waiting | undefined {
    const waiting = this.#waiting.shift()
    if (waiting) this.bytes -= sizeOf(waiting.data)
    return waiting
  }

  #discard(waiting: Waiting | undefined, reason: DiscardReason): void {
    if (waiting) this.emit('discard', { value: this.#decode(waiting.data), reason })
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
      const queue = new Queue(settings, data => client.parser.decode(data))
      // Handlers of `open` come before what waits: what they write passes by.
      client.outgoing.use((value, next, { reliable = true, expires } = {}) => {
        if (client.state === 'open') next(value)
        else if (reliable) queue.push(client.parser.encode(value), expires, next)
      })
      client.hold(() => queue.size > 0)
      const lost = (): void => {
        if (!queue.online) return
        queue.online = false
        queue.emit('offline')
      }
      client.on('open', () =>
        queueMicrotask(() => {
          if (client.state !== 'open') return
          queue.online = true
          queue.emit('online', { values: queue.flush() })
        })
      )
      client.on('disconnect', lost)
      client.on('close', ({ reconnect }) => {
        lost()
        if (!reconnect) queue.clear('closed')
      })
      during(() => watchNetwork(() => client.probe(isOffline() ? 0 : settings.probe)))
      return queue
    }
  }) as const satisfies ClientPlugin
