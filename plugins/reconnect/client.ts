import type { Listenable } from '../../lib/connection.ts'
import { Emitter } from '../../lib/emitter.ts'
import { watchNetwork } from '../../lib/network.ts'
import type { Client } from '../../lib/client.ts'
import type { Lane } from '../../lib/lane.ts'
import type { During, PluginInfo } from '../../lib/plugin.ts'
import { LONGEST } from '../../lib/timer.ts'

export interface ReconnectOptions {
  /** Milliseconds: the first delay is between 0 and this. Default 1,000. */
  readonly min?: number | undefined
  /** Milliseconds: no delay is longer. Default 30,000. */
  readonly max?: number | undefined
  /** What the range of delays grows by with each attempt. Default 2. */
  readonly factor?: number | undefined
  /** Attempts in a row before the client gives up and closes. Default Infinity. */
  readonly attempts?: number | undefined
  /** Where the dice come from. Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

export interface ReconnectEvents {
  /**
   * The next attempt was scheduled: which one in a row it is, in how many milliseconds it starts, and why there is no wire:
   * the code and reason of its end, or of the failed attempt.
   */
  schedule: [step: { readonly attempt: number; readonly delay: number; readonly code: number; readonly reason: string }]
  /** An attempt starts. */
  attempt: [step: { readonly attempt: number }]
  /** There is a wire again, after so many attempts. */
  success: [step: { readonly attempts: number }]
  /** No more attempts: the client closes. */
  stop: [step: { readonly attempts: number }]
}

/** `client.reconnect` */
export interface Reconnect extends Listenable<ReconnectEvents> {
  /** Attempts since there last was a wire. */
  readonly attempts: number
  /** Whether an attempt is scheduled. */
  readonly waiting: boolean
  /** Starts the scheduled attempt at once. */
  now(): void
}

/** A wire that lived this long, in milliseconds, ends a row of failed attempts. */
const STABLE = 1_000

/** What `reconnect` makes. */
export interface ReconnectPlugin extends PluginInfo {
  readonly name: 'reconnect'
  readonly version: 1
  readonly local: true
  client(client: Client, lane: Lane, during: During): Reconnect
}

/** Connects again when a wire is lost: with full jitter, for ever, and at once when the browser is back. */
export const reconnect = ({
  min = 1_000,
  max = 30_000,
  factor = 2,
  attempts: most = Infinity,
  random = Math.random
}: ReconnectOptions = {}): ReconnectPlugin => ({
  name: 'reconnect',
  version: 1,
  local: true,
  client(client, _lane, during): Reconnect {
    const state = Object.assign(new Emitter<ReconnectEvents>(), {
      attempts: 0,
      waiting: false,
      now: (): void => {
        if (!state.waiting) return
        cancel()
        state.emit('attempt', { attempt: ++state.attempts })
        client.open()
      }
    })
    let timer: ReturnType<typeof setTimeout> | undefined
    const cancel = (): void => {
      clearTimeout(timer)
      state.waiting = false
    }
    client.supervise(({ code, reason, after }) => {
      const { attempts } = state
      // Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): the whole range, so that clients that
      // lost their server together do not come back together.
      // A `max` that is no number, in pages, does not make it connect without a pause.
      const range = min * factor ** attempts
      const delay = Math.min(LONGEST, after + random() * (max < range ? max : range))
      cancel()
      state.waiting = attempts < most
      timer = setTimeout(state.now, delay)
      // The client is in the midst of it: handlers come when it is done, and may end it.
      queueMicrotask(() => {
        if (state.waiting) state.emit('schedule', { attempt: attempts + 1, delay, code, reason })
        else if (attempts >= most) state.emit('stop', { attempts })
      })
      return state.waiting
    })
    client.on('open', () => {
      const { attempts } = state
      cancel()
      timer = setTimeout(() => (state.attempts = 0), STABLE)
      if (attempts) state.emit('success', { attempts })
    })
    during(() => {
      const undo = watchNetwork(type => type !== 'offline' && state.now())
      return () => {
        undo()
        cancel()
        state.attempts = 0
      }
    })
    return state
  }
})
export type * from '../../lib/types.ts'
