import type { Listenable } from '../../lib/connection.ts'
import { Emitter } from '../../lib/emitter.ts'
import { payloadOf } from '../../lib/frames.ts'
import { isOffline, watchNetwork } from '../../lib/network.ts'
import { sizeOf } from '../../lib/outbox.ts'
import type { ClientPlugin } from '../../lib/plugin.ts'
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

class State extends Emitter<OfflineEvents> implements Offline {
  online = false
  size = 0
  bytes = 0
}

/** Keeps what is written while there is no wire, and notices when a wire is dead. */
export const offline = ({
  bytes = 1_048_576,
  discard = 'newest',
  expires: patience = Infinity,
  probe = 2_000
}: OfflineOptions = {}) =>
  ({
    name: 'offline',
    version: 1,
    local: true,
    client(client, _lane, during): Offline {
      const state = new State()
      const waiting: Waiting[] = []
      const remove = (start: number, count: number): readonly Waiting[] => {
        const removed = waiting.splice(start, count)
        for (const { data } of removed) state.bytes -= sizeOf(data)
        state.size = waiting.length
        return removed
      }
      const tell = (discarded: readonly Waiting[], reason: DiscardReason): void => {
        for (const { data } of discarded)
          state.emit('discard', { value: client.parser.decode(payloadOf(data)), reason })
      }
      const lost = (): void => {
        if (state.online) {
          state.online = false
          state.emit('offline')
        }
      }
      client.keep({
        get bytes() {
          return state.bytes
        },
        put(data, { expires = patience } = {}) {
          const full: Waiting[] = []
          waiting.push({ data, deadline: Date.now() + expires })
          state.size++
          state.bytes += sizeOf(data)
          while (state.bytes > bytes) full.push(...remove(discard === 'oldest' ? 0 : -1, 1))
          tell(full, 'full')
        },
        take() {
          const now = Date.now()
          const all = remove(0, Infinity)
          const values = all.filter(({ deadline }) => deadline >= now)
          state.online = true
          // Handlers come last: they may write.
          queueMicrotask(() => {
            tell(
              all.filter(({ deadline }) => deadline < now),
              'expired'
            )
            state.emit('online', { values: values.length })
          })
          return values.map(({ data }) => data)
        }
      })
      client.on('disconnect', lost)
      client.on('close', ({ reconnect }) => {
        lost()
        if (!reconnect) tell(remove(0, Infinity), 'closed')
      })
      during(() =>
        watchNetwork(() => {
          // What becomes of the wire is told by its events.
          client.ping(isOffline() ? 0 : probe).catch(() => {})
        })
      )
      return state
    }
  }) as const satisfies ClientPlugin
