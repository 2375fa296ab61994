import type { Client } from '../../lib/client.ts'
import type { Listenable } from '../../lib/connection.ts'
import { Emitter } from '../../lib/emitter.ts'
import { watchNetwork } from '../../lib/network.ts'
import type { ClientPlugin } from '../../lib/plugin.ts'
import { print } from '../../lib/print.ts'
import { LONGEST } from '../../lib/timer.ts'

export interface ReconnectOptions {
  /** Milliseconds: the first delay is between 0 and this. Default 1,000. */
  readonly min?: number
  /** Milliseconds: no delay is longer. Default 30,000. */
  readonly max?: number
  /** What the range of delays grows by with each attempt. Default 2. */
  readonly factor?: number
  /** Attempts in a row before the client gives up and closes. Default Infinity. */
  readonly attempts?: number
  /** Where the dice come from. Default `Math.random`. */
  readonly random?: () => number
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

type Lost = Parameters<Parameters<Client['supervise']>[0]>[0]

/** A wire that lived this long, in milliseconds, ends a row of failed attempts. */
const STABLE = 1_000

class Reconnector extends Emitter<ReconnectEvents> implements Reconnect {
  readonly #options: Required<ReconnectOptions>
  readonly #open: () => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #opened = Infinity
  attempts = 0

  constructor(options: Required<ReconnectOptions>, open: () => void) {
    super()
    this.#options = options
    this.#open = open
  }

  get waiting(): boolean {
    return this.#timer !== undefined
  }

  /** @returns whether there will be another attempt */
  schedule({ code, reason, after }: Lost): boolean {
    if (performance.now() - this.#opened >= STABLE) this.attempts = 0
    this.#opened = Infinity
    const { min, max, factor, attempts, random } = this.#options
    const done = this.attempts
    const over = done >= attempts
    // Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): the whole range, so that clients that lost
    // their server together do not come back together.
    const delay = Math.min(LONGEST, after + random() * Math.min(max, min * factor ** done))
    this.cancel()
    if (!over) this.#timer = setTimeout(() => this.now(), delay)
    // The client is in the midst of it: handlers come when it is done, and may end it.
    queueMicrotask(() => {
      if (over) this.emit('stop', { attempts: done })
      else if (this.waiting) this.emit('schedule', { attempt: done + 1, delay, code, reason })
    })
    return !over
  }

  now(): void {
    if (!this.waiting) return
    this.cancel()
    this.attempts++
    this.emit('attempt', { attempt: this.attempts })
    this.#open()
  }

  succeeded(): void {
    this.cancel()
    this.#opened = performance.now()
    if (this.attempts > 0) this.emit('success', { attempts: this.attempts })
  }

  cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  override failed(error: unknown): void {
    print(error)
  }
}

const DEFAULTS: Required<ReconnectOptions> = {
  min: 1_000,
  max: 30_000,
  factor: 2,
  attempts: Infinity,
  random: () => Math.random()
}

/** Connects again when a wire is lost: with full jitter, for ever, and at once when the browser is back. */
export const reconnect = (options: ReconnectOptions = {}) =>
  ({
    name: 'reconnect',
    version: 1,
    local: true,
    client(client, _lane, during): Reconnect {
      const reconnector = new Reconnector({ ...DEFAULTS, ...options }, () => client.open())
      client.supervise(lost => reconnector.schedule(lost))
      client.on('open', () => reconnector.succeeded())
      during(() => {
        const undo = watchNetwork(event => event !== 'offline' && reconnector.now())
        return () => {
          undo()
          reconnector.cancel()
          reconnector.attempts = 0
        }
      })
      return reconnector
    }
  }) as const satisfies ClientPlugin
