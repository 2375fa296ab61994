import { AnywireError } from '../../../lib/errors.ts'
import { ERR_PATH } from '../../../lib/failures.ts'
import type { Value } from '../../../lib/store.ts'
import type { IfNamed, Schema, TypeOf } from '../client/types.ts'
import { isId } from '../core/path.ts'
import type { RecordState } from '../core/record-state.ts'
import type { Accepted } from './judge.ts'
import type { Patience } from './patience.ts'
import type { Puller } from './puller.ts'
import type { CachedRecord, RecordCache } from './record-cache.ts'
import type { Settings } from './settings.ts'
import { merged } from './trials.ts'
import type { Trials } from './trials.ts'

/** Other records, for those who judge one. */
export interface RecordsReader<S extends Schema = Schema> {
  /** A record; undefined where there is none. @throws ERR_PATH for what is no id */
  get<const Id extends string>(id: Id): IfNamed<S, Id, Promise<TypeOf<S, Id> | undefined>>
  get<T extends object>(id: string): Promise<T | undefined>
  /** Whether there is such a record. @throws ERR_PATH for what is no id */
  has(id: string): Promise<boolean>
}

/** Reads records in one way or another. */
export abstract class Reader implements RecordsReader {
  abstract look(id: string): Promise<Value | undefined>

  get<T>(id: string): Promise<T | undefined> {
    // What the application says that its records are.
    return this.look(id) as Promise<T | undefined>
  }

  async has(id: string): Promise<boolean> {
    return (await this.look(id)) !== undefined
  }
}

const check = (id: string): string => {
  if (isId(id)) return id
  throw new AnywireError(ERR_PATH, `the id '${id}'`)
}

interface PreviewHost {
  readonly settings: Settings
  readonly cache: RecordCache
  readonly patience: Patience
}

/** Brings a record into memory, and pins it. @throws ERR_PATH; ERR_CLOSED */
export const load = (id: string, { cache, patience }: PreviewHost): Promise<CachedRecord> => {
  check(id)
  return patience.try(() => cache.load(id))
}

/** Records as they will be with a write that is judged, and all that was decided before it. */
export class Preview extends Reader {
  readonly #host: PreviewHost
  readonly #drafts: ReadonlyMap<CachedRecord, Accepted>
  readonly #read: Map<CachedRecord, number>
  /** What was found of drafts, and how often their records were changed then: who is asked field by field looks again and again. */
  readonly #states = new Map<CachedRecord, readonly [edits: number, state: RecordState]>()

  /**
   * @param drafts - what is to be done of the write
   * @param read - is told of what is looked at
   */
  constructor(host: PreviewHost, drafts: readonly Accepted[], { read }: Pick<Trials, 'read'>) {
    super()
    this.#host = host
    this.#drafts = new Map(drafts.map(draft => [draft.record, draft]))
    this.#read = read
  }

  async look(id: string): Promise<Value | undefined> {
    const { settings, cache } = this.#host
    const record = await load(id, this.#host)
    if (!this.#read.has(record)) this.#read.set(record, record.edits)
    const state = this.#stateOf(record)
    const value = settings.isVisible(id, state) ? state.view() : undefined
    cache.unpin(record)
    return value
  }

  #stateOf(record: CachedRecord): RecordState {
    const draft = this.#drafts.get(record)
    if (!draft) return record.state
    const [edits, known] = this.#states.get(record) ?? []
    if (known && edits === record.edits) return known
    const state = merged(record.state, draft.writes)
    this.#states.set(record, [record.edits, state])
    return state
  }
}

/** Records as they are committed. */
export class Committed extends Reader {
  readonly #puller: Puller
  readonly #settings: Settings

  constructor(puller: Puller, settings: Settings) {
    super()
    this.#puller = puller
    this.#settings = settings
  }

  async look(id: string): Promise<Value | undefined> {
    let value: Value | undefined
    for await (const [entry] of this.#puller.views(check(id), this.#settings)) value = entry?.value
    return value
  }
}
