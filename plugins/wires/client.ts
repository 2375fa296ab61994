import type { Client } from '../../lib/client.ts'
import type { Attempt, Listenable } from '../../lib/connection.ts'
import { Emitter } from '../../lib/emitter.ts'
import { GIVEN_UP } from '../../lib/link.ts'
import type { LinkError } from '../../lib/link.ts'
import type { Lane } from '../../lib/lane.ts'
import type { During, PluginInfo } from '../../lib/plugin.ts'
import { print } from '../../lib/print.ts'
import type { Strategy } from '../../lib/strategy.ts'
import { LONGEST } from '../../lib/timer.ts'
import type { ClientTransformer } from '../../lib/transformer.ts'
import { favorites } from './favorites.ts'
import { race } from './race.ts'
import { fill } from '../../lib/given.ts'
import type { Filled } from '../../lib/given.ts'

export interface WiresOptions {
  /** Milliseconds that a transformer has before the next one starts too. Default 300. */
  readonly headStart?: number | undefined
  /** Milliseconds for the server's welcome over an open wire, before another wire has its turn. Default 3,000. */
  readonly patience?: number | undefined
  /** Whether to move to a better wire in the background. Default true. */
  readonly upgrade?: boolean | undefined
  /** Whether another transformer may take over from the one that carried the connection first. Default true. */
  readonly fallback?: boolean | undefined
  /** Milliseconds for which the transformer in use is remembered for its origin, also for other pages. Default 1 hour. */
  readonly remember?: number | undefined
  /** Milliseconds that a transformer rests when it failed; twice as many each time, up to an hour. Default 60,000. */
  readonly rest?: number | undefined
  /** Milliseconds from an open wire to the first try of a better one, and as many again at random. Default 1,000. */
  readonly settle?: number | undefined
  /** Where the dice come from. Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

export interface WiresEvents {
  /** A transformer of the options is not tried: the server has not the other half. Told once; without a listener it is printed. */
  skip: [skipped: { readonly transformer: string; readonly offers: readonly string[] }]
}

/** `client.wires` */
export interface Wires extends Listenable<WiresEvents> {
  /** The transformers that failed and rest for a while, by name. */
  readonly resting: readonly string[]
}

interface Rest {
  readonly until: number
  readonly times: number
}

/** The longest that a transformer rests, in milliseconds. */
const LONGEST_REST = 3_600_000

/** A wire that lived shorter than this, in milliseconds, has its transformer rest. */
const SHORT_LIFE = 10_000

class Chooser extends Emitter<WiresEvents> implements Wires {
  readonly #client: Client
  readonly #options: Filled<WiresOptions>
  readonly #rests = new Map<string, Rest>()
  readonly #skipped = new Set<string>()
  /** In order of preference. */
  #all: readonly ClientTransformer[] = []
  #origin = ''
  #opened = 0
  #patience: number
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(client: Client, options: Filled<WiresOptions>) {
    super()
    this.#client = client
    this.#options = options
    this.#patience = options.patience
  }

  get resting(): readonly string[] {
    return this.#all.map(({ name }) => name).filter(name => this.#isResting(name))
  }

  readonly strategy: Strategy = (transformers, open, url) => {
    const patience = this.#patience
    this.#all = transformers
    this.#origin = url.origin
    // A server that takes its time over a welcome has more of it at the next attempt.
    this.#patience *= 2
    return race(this.#options.headStart, patience)(this.#order(), open, url)
  }

  tried({ transformer, error }: Attempt): void {
    if (error && error.message !== GIVEN_UP && !error.refused) this.#rest(transformer)
  }

  opened(): void {
    const { remember } = this.#options
    this.#opened = performance.now()
    // It works; how long it has to live before its failures are forgotten is seen at its end.
    const known = this.#rests.get(this.#client.transformer)
    if (known) this.#rests.set(this.#client.transformer, { ...known, until: 0 })
    // The server is slow at most, and not this way to it.
    this.#patience = this.#options.patience
    if (remember > 0 && this.#all.length > 1) favorites.set(this.#origin, this.#client.transformer, remember)
    this.#plan()
  }

  lost(): void {
    this.stop()
    const { transformer } = this.#client
    if (performance.now() - this.#opened < SHORT_LIFE) this.#rest(transformer)
    else this.#rests.delete(transformer)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #isResting(name: string): boolean {
    return (this.#rests.get(name)?.until ?? 0) > performance.now()
  }

  #rest(name: string): void {
    const times = (this.#rests.get(name)?.times ?? 0) + 1
    const time = Math.min(LONGEST_REST, this.#options.rest * 2 ** (times - 1))
    this.#rests.set(name, { until: performance.now() + time, times })
  }

  /** What the server has too. A server that says nothing yet may have all. */
  #usable(): readonly ClientTransformer[] {
    const { offers } = this.#client
    const usable = this.#all.filter(({ name }) => offers.length === 0 || offers.includes(name))
    for (const { name: transformer } of this.#all.filter(other => !usable.includes(other))) {
      if (this.#skipped.has(transformer)) continue
      this.#skipped.add(transformer)
      if (this.emit('skip', { transformer, offers })) continue
      print(`anywire: '${transformer}' is not tried, the server offers ${offers.join(', ')}`)
    }
    return usable.length > 0 ? usable : this.#all
  }

  /** The favorite first, those that rest last. */
  #order(): readonly ClientTransformer[] {
    const { transformer } = this.#client
    const usable = this.#usable()
    if (!this.#options.fallback && transformer) return usable.filter(({ name }) => name === transformer)
    const favorite = favorites.get(this.#origin)
    const rank = ({ name }: ClientTransformer): number => (this.#isResting(name) ? 2 : name === favorite ? 0 : 1)
    return [...usable].sort((a, b) => rank(a) - rank(b))
  }

  /** Those before the one in use. */
  #better(): readonly string[] {
    const names = this.#usable().map(({ name }) => name)
    return names.slice(0, Math.max(0, names.indexOf(this.#client.transformer)))
  }

  #plan(): void {
    const { upgrade, settle, random } = this.#options
    const better = this.#better()
    this.stop()
    if (!upgrade || better.length === 0) return
    const rested = Math.min(...better.map(name => this.#rests.get(name)?.until ?? 0)) - performance.now()
    const time = Math.max(settle, rested) + random() * settle
    this.#timer = setTimeout(() => void this.#improve(), Math.min(time, LONGEST))
  }

  async #improve(): Promise<void> {
    for (const name of this.#better()) {
      if (this.#isResting(name)) continue
      // Events of the client tell how it went.
      const moved = await this.#client.migrate(name).then(
        () => true,
        (error: LinkError) => {
          // Asking again at once would only be refused again.
          if (error.refused) this.#rest(name)
          return false
        }
      )
      if (moved) return
    }
    if (this.#client.state === 'open') this.#plan()
  }
}

const DEFAULTS: Filled<WiresOptions> = {
  headStart: 300,
  patience: 3_000,
  upgrade: true,
  fallback: true,
  remember: 3_600_000,
  rest: 60_000,
  settle: 1_000,
  random: () => Math.random()
}

/** What `wires` makes. */
export interface WiresPlugin extends PluginInfo {
  readonly name: 'wires'
  readonly version: 1
  readonly local: true
  client(client: Client, lane: Lane, during: During): Wires
}

/**
 * Chooses among several transformers: tries them staggered in order of preference, remembers which one worked, moves to a
 * better one in the background, and falls back when a wire dies.
 */
export const wires = (options: WiresOptions = {}): WiresPlugin => ({
  name: 'wires',
  version: 1,
  local: true,
  client(client, _lane, during): Wires {
    const chooser = new Chooser(client, fill(DEFAULTS, options))
    client.choose(chooser.strategy)
    client.on('attempt', attempt => chooser.tried(attempt))
    client.on('open', () => chooser.opened())
    client.on('migrate', () => chooser.opened())
    client.on('disconnect', () => chooser.lost())
    during(() => () => chooser.stop())
    return chooser
  }
})
export type * from '../../lib/types.ts'
