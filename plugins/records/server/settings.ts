import type { RecordState } from '../core/record-state.ts'
import { collectionOf } from '../core/path.ts'
import { HORIZON, LIMITS } from './options.ts'
import type { RecordsLimits, RecordsServerOptions, ServerCollection, ServerSchema } from './options.ts'

/** The options, with what they leave open. */
export class Settings {
  readonly limits: RecordsLimits
  readonly horizon: number
  readonly schema: ServerSchema | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly #collections: ReadonlyMap<string, ServerCollection>

  constructor({ limits, horizon = HORIZON, schema, collections = {} }: RecordsServerOptions, now: () => number) {
    this.limits = { ...LIMITS, ...limits }
    this.horizon = horizon
    this.schema = schema
    this.now = now
    this.#collections = new Map(Object.entries(collections))
  }

  collection(name: string): ServerCollection {
    return this.#collections.get(name) ?? DEFAULTS
  }

  /** Whether a record is there, for who reads it. */
  isVisible(id: string, state: RecordState): boolean {
    return this.collection(collectionOf(id)).resurrect === 'implicit' ? state.view() !== undefined : state.isMade
  }
}

const DEFAULTS: ServerCollection = {}
