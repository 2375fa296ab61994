import type { Failure } from '../../../lib/errors.ts'
import type { Result, WriteFrame } from '../core/frame.ts'
import type { Accepted } from './judge.ts'
import type { CachedRecord } from './record-cache.ts'
import type { Counted } from './trials.ts'

/** What is done of a write, and what is to be told of it. */
export interface Verdict {
  readonly accepted: readonly Accepted[]
  readonly results: readonly Result[]
  /** How often records were changed that it depends on; where that is different when it is done, it is to be judged again. */
  readonly seen?: ReadonlyMap<CachedRecord, number>
  /** What a hook only adds to. */
  readonly counted?: ReadonlyMap<CachedRecord, Counted>
  /** Records that were pinned for it. */
  readonly pinned?: readonly CachedRecord[]
  /** The application refuses some of it: it may have looked at what is committed, and at nothing that is on its way. */
  readonly isOpinion?: boolean
  /** What a hook has failed with, which its server has to hear if it stays so. */
  readonly fault?: { readonly error: unknown }
}

/** Nothing of a write is done. */
export const refusing = ({ node, number }: WriteFrame, [code, , hint]: Failure, why = ''): Verdict => ({
  accepted: [],
  results: [{ node, number, record: '', code, hint: why ? `${hint}: ${why}` : hint }]
})

/** Why a hook must not have the process write a record. */
export const ownWrite = (record: string): string =>
  `a hook goes by '${record}': it writes what it is about, or has read, with \`tx\``
