import { AnywireError } from '../../../lib/errors.ts'
import { ERR_OPTION } from '../../../lib/failures.ts'
import type { RecordState } from '../core/record-state.ts'
import { collectionOf } from '../core/path.ts'
import type { OnWrite } from './hook.ts'
import { HORIZON, LIMITS, TIMEOUT } from './options.ts'
import type { RecordsLimits, RecordsServerOptions, ServerCollection, ServerSchema } from './options.ts'

/** The options, with what they leave open. */
export class Settings {
  readonly limits: RecordsLimits
  readonly horizon: number
  /** Milliseconds. */
  readonly timeout: number
  readonly schema: ServerSchema | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly onWrite: OnWrite | undefined
  /** Whether somebody wants to see records as they would be with a write. */
  readonly judgesWholes: boolean
  readonly #collections: ReadonlyMap<string, ServerCollection>

  constructor(
    { limits, horizon = HORIZON, timeout = TIMEOUT, schema, collections = {}, onWrite }: RecordsServerOptions,
    now: () => number
  ) {
    for (const name of Object.keys(collections))
      if (name && !name.endsWith('/'))
        throw new AnywireError(ERR_OPTION, `collections: a name ends with a slash: '${name}/'`)
    this.limits = { ...LIMITS, ...limits }
    this.horizon = horizon
    this.timeout = timeout
    this.schema = schema
    this.now = now
    this.onWrite = onWrite
    this.judgesWholes = !!onWrite || Object.values(collections).some(({ validate }) => validate)
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
