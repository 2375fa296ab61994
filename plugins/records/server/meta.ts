import { AnywireError } from '../../../lib/errors.ts'
import { ERR_SCHEMA } from '../../../lib/failures.ts'
import type { Store } from '../../../lib/store.ts'
import type { SchemaVersion } from '../core/frame.ts'
import { GRAVES } from './graves.ts'
import { migrateAll } from './migrate-all.ts'
import type { RecordsServerOptions } from './options.ts'
import type { Patience } from './patience.ts'

/** What the store remembers of the whole. */
export interface Meta {
  /** Names this run of numbers: another store has another one. */
  readonly epoch: string
  /** The number of the last commit. */
  readonly seq: number
  /** Of commits up to this one, tombstones may be gone. */
  readonly floor: number
  /** What the records were written by last. */
  readonly schema: SchemaVersion | null
  /** Where records are still brought to that version: which one those have whose id is behind `after`. */
  readonly migrating?: { readonly version: number; readonly after: string }
}

/** What is known when the store was opened. */
export interface Kept {
  readonly meta: Meta
  /** As graves.ts keeps it. */
  readonly graves: unknown
}

/** The key of its entry. */
export const META = 'meta'

const EPOCH_BYTES = 9

/** 72 random bits. */
const makeEpoch = (): string =>
  [...crypto.getRandomValues(new Uint8Array(EPOCH_BYTES))].map(byte => byte.toString(16).padStart(2, '0')).join('')

/** What was kept is what a commit wrote. */
const isMeta = (value: unknown): value is Meta =>
  typeof value === 'object' && value !== null && 'epoch' in value && 'seq' in value && 'floor' in value

/**
 * What the store remembers, or a new beginning, which is committed at once. Records of a former version are migrated before.
 * @throws ERR_SCHEMA where a later version of the application, or another one, has written the records, or they cannot be migrated
 */
export const readKept = async (
  store: Store,
  { schema, migrate }: Pick<RecordsServerOptions, 'schema' | 'migrate'>,
  patience: Patience
): Promise<Kept> => {
  const kept = await store.entry(META)
  const before: Meta = isMeta(kept) ? kept : { epoch: makeEpoch(), seq: 0, floor: 0, schema: null }
  const { schema: last, migrating } = before
  if (!schema && last)
    throw new AnywireError(ERR_SCHEMA, `the records are of '${last.id}' ${last.version}, this says no \`schema\``)
  if (schema && last && (last.id !== schema.id || last.version > schema.version)) {
    throw new AnywireError(
      ERR_SCHEMA,
      `the records are of '${last.id}' ${last.version}, this is '${schema.id}' ${schema.version}`
    )
  }
  if (migrating && !(schema && migrate))
    throw new AnywireError(ERR_SCHEMA, 'some records are of a former version still: it takes `schema` and `migrate`')
  let meta: Meta = { ...before, schema: schema ? { id: schema.id, version: schema.version } : last }
  if (schema && migrate && last && (migrating || last.version < schema.version)) {
    // What clients have is none of what there is now.
    const anew = { ...before, schema: last, epoch: makeEpoch() }
    meta = await migrateAll(anew, schema.version, { store, migrate, patience, key: META })
  } else if (!isMeta(kept) || last?.version !== meta.schema?.version) {
    await store.commit({ rows: [], removed: [], entries: [[META, meta]] })
  }
  return { meta, graves: await store.entry(GRAVES) }
}
