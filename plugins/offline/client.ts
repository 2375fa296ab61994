import type { Listenable } from '../../lib/connection.ts'
import { Emitter } from '../../lib/emitter.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_SLOW } from '../../lib/failures.ts'
import { payloadOf } from '../../lib/frames.ts'
import { isOffline, watchNetwork } from '../../lib/network.ts'
import { sizeOf } from '../../lib/outbox.ts'
import type { Client } from '../../lib/client.ts'
import type { Lane } from '../../lib/lane.ts'
import type { During, PluginInfo } from '../../lib/plugin.ts'
import type { Data } from '../../lib/transformer.ts'

export interface OfflineOptions {
  /** Encoded bytes that may wait while there is no wire. Default 1 MiB. */
  readonly bytes?: number | undefined
  /** Which values are discarded when more are written: the `newest` (default) or the `oldest`. */
  readonly discard?: 'newest' | 'oldest' | undefined
  /** Milliseconds that a value may wait, unless its write says otherwise. Default Infinity. */
  readonly expires?: number | undefined
  /** Milliseconds for an answer when the browser says that the network changed or the page is back. Default 2,000. */
  readonly probe?: number | undefined
}

/** Why a value was not sent: there was no room, or it waited too long. */
export type DiscardReason = 'full' | 'expired'

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

/** What `offline` makes. */
export interface OfflinePlugin extends PluginInfo {
  readonly name: 'offline'
  readonly version: 1
  readonly local: true
  client(client: Client, lane: Lane, during: During): Offline
}

/** Keeps what is written while there is no wire, and notices when a wire is dead. */
export const offline = ({
  bytes = 1_048_576,
  discard = 'newest',
  expires: patience = Infinity,
  probe = 2_000
}: OfflineOptions = {}): OfflinePlugin => ({
  name: 'offline',
  version: 1,
  local: true,
  client(client, _lane, during): Offline {
    const waiting: Waiting[] = []
    const state = Object.assign(new Emitter<OfflineEvents>(), { online: false, size: 0, bytes: 0 })
    /** It was reported that values are discarded, and nobody listens for them; until the wire is lost again. */
    let told = false
    let report!: (error: AnywireError) => void
    /** Decodes for who listens only. */
    const tell = ({ data }: Waiting, reason: DiscardReason): void => {
      if (state.listenerCount('discard'))
        state.emit('discard', { value: client.parser.decode(payloadOf(data)), reason })
      else if (!told) {
        told = true
        report(new AnywireError(ERR_SLOW, `offline.${reason}`))
      }
    }
    /** Takes some out, the first or the last of them. */
    const remove = (start: number, count = Infinity): Waiting[] => {
      const removed = waiting.splice(start, count)
      for (const { data } of removed) state.bytes -= sizeOf(data)
      state.size = waiting.length
      return removed
    }
    const lost = (): void => {
      told = false
      if (state.online) {
        state.online = false
        state.emit('offline')
      }
    }
    client.keep({
      get bytes() {
        return state.bytes
      },
      put(data, { expires = patience } = {}, other) {
        report = other
        // What is written while there is room is kept, however large it is: one value may be more than may wait.
        const most = state.bytes < bytes / 2 ? Infinity : Math.max(bytes, state.bytes)
        state.size = waiting.push({ data, deadline: Date.now() + expires })
        state.bytes += sizeOf(data)
        // For one that is more than may wait nothing else makes room.
        while (state.bytes > most)
          for (const each of remove(discard === 'newest' || sizeOf(data) > most ? -1 : 0, 1)) tell(each, 'full')
        return state.bytes < bytes / 2
      },
      take(over) {
        const now = Date.now()
        // Handlers come last: they may write.
        const values = remove(0).flatMap(each => {
          if (each.deadline >= now) return each.data
          queueMicrotask(() => tell(each, 'expired'))
          return []
        })
        if (!over) {
          state.online = true
          queueMicrotask(() => state.emit('online', { values: values.length }))
        }
        return values
      }
    })
    client.on('disconnect', lost)
    client.on('close', lost)
    during(() => {
      told = false
      return watchNetwork(() => {
        // What becomes of the wire is told by its events.
        client.ping(isOffline() ? 0 : probe).catch(() => {})
      })
    })
    return state
  }
})
export type * from '../../lib/types.ts'
