import type { Value } from '../../../lib/store.ts'

/** What to compare with. */
export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'has'

/** `[path, operator, value]`: 'in' takes an array of values, 'has' asks whether the array at the path has the value. */
export type Condition = readonly [path: string, operator: Operator, value: Value]

/** Which records of a collection, in which order, and how many. It is data, so that both ends evaluate it alike. */
export interface Query {
  /** All of these must hold. */
  readonly where?: readonly Condition[] | undefined
  /** Paths, most significant first; a `-` before one turns the order around. Records without it come last; ties go by id. */
  readonly order?: readonly string[] | undefined
  /** Only the first so many. */
  readonly limit?: number | undefined
}
