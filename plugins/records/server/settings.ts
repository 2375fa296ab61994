import { AnywireError } from '../../../lib/errors.ts'
import { ERR_OPTION } from '../../../lib/failures.ts'
import type { RecordState } from '../core/record-state.ts'
import { collectionOf, nearest } from '../core/path.ts'
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
  readonly #collections: Readonly<Record<string, ServerCollection>>
  /** What was found before, by the name that is all before the last slash. */
  readonly #found = new Map<string, ServerCollection>()

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
    this.#collections = collections
  }

  /** What is said of a record: under the longest name that its id begins with. */
  of(id: string): ServerCollection {
    const name = collectionOf(id)
    let found = this.#found.get(name)
    if (!found) {
      // Whoever makes up names does no harm.
      if (this.#found.size === MOST_FOUND) this.#found.clear()
      this.#found.set(name, (found = nearest(this.#collections, id) ?? DEFAULTS))
    }
    return found
  }

  /** Whether a record is there, for who reads it. */
  isVisible(id: string, state: RecordState): boolean {
    return this.of(id).resurrect === 'implicit' ? state.view() !== undefined : state.isMade
  }
}

const DEFAULTS: ServerCollection = {}

/** How many names are remembered. */
const MOST_FOUND = 10_000
