import { AnywireError } from '../../../lib/errors.ts'
import { ERR_OPTION } from '../../../lib/failures.ts'
import type { RecordState } from '../core/record-state.ts'
import { collectionOf, nearest } from '../core/path.ts'
import { fill } from '../../../lib/given.ts'
import type { Filled } from '../../../lib/given.ts'
import type { OnWrite } from './hook.ts'
import { HORIZON, LIMITS, TIMEOUT } from './options.ts'
import type { Permit, RecordsLimits, RecordsServerOptions, ServerCollection, ServerSchema } from './options.ts'
import type { Validate } from './validate.ts'

/** What is said of a record. */
export interface Rules extends Filled<Pick<ServerCollection, 'order' | 'resurrect'>> {
  /** Undefined: everybody may do everything. */
  readonly permit: Permit | undefined
  readonly validate: Validate | undefined
}

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
  readonly identity: RecordsServerOptions['identity']
  /** Whether somebody wants to see records as they would be with a write. */
  readonly judgesWholes: boolean
  readonly #permit: Permit | undefined
  readonly #collections: Readonly<Record<string, ServerCollection>>
  /** What was found before, by the name that is all before the last slash. */
  readonly #found = new Map<string, Rules>()

  constructor(
    {
      limits,
      horizon = HORIZON,
      timeout = TIMEOUT,
      schema,
      collections = {},
      permit,
      onWrite,
      identity
    }: RecordsServerOptions,
    now: () => number
  ) {
    for (const name of Object.keys(collections))
      if (name && !name.endsWith('/'))
        throw new AnywireError(ERR_OPTION, `collections: a name ends with a slash: '${name}/'`)
    this.limits = fill(LIMITS, limits)
    this.horizon = horizon
    this.timeout = timeout
    this.schema = schema
    this.now = now
    this.onWrite = onWrite
    this.identity = identity
    this.#permit = permit
    this.judgesWholes = !!onWrite || Object.values(collections).some(({ validate }) => validate)
    this.#collections = collections
  }

  /** What is said of a record, or of those of a collection. */
  of(id: string): Rules {
    const name = collectionOf(id)
    let found = this.#found.get(name)
    if (!found) {
      // Whoever makes up names does no harm.
      if (this.#found.size === MOST_FOUND) this.#found.clear()
      this.#found.set(name, (found = this.#find(name)))
    }
    return found
  }

  #find(name: string): Rules {
    const named = this.#collections
    return {
      order: nearest(named, name, 'order') ?? 'hlc',
      resurrect: nearest(named, name, 'resurrect') ?? 'strict',
      permit: nearest(named, name, 'permit') ?? this.#permit,
      validate: nearest(named, name, 'validate')
    }
  }

  /** Whether a record is there, for who reads it. */
  isVisible(id: string, state: RecordState): boolean {
    return this.of(id).resurrect === 'implicit' ? state.view() !== undefined : state.isMade
  }
}

/** How many names are remembered. */
const MOST_FOUND = 10_000
