import type { Value } from '../../../lib/store.ts'
import { keysOf } from './path.ts'
import { pick } from './pick.ts'
import { compareText, compareValues, isList, isSame, rank } from './value.ts'

/** What to compare with. */
export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'has'

const OPERATORS: readonly unknown[] = ['=', '!=', '<', '<=', '>', '>=', 'in', 'has'] satisfies Operator[]

/**
 * `[path, operator, value]`. Nothing at the path equals nothing, null least of all, and is neither less nor greater; nor are values
 * of two types. 'in' takes an array of values, 'has' asks whether the array at the path has the value.
 */
export type Condition = readonly [path: string, operator: Operator, value: Value]

/** Which records of a collection, in which order, and how many. It is data, so that both ends evaluate it alike. */
export interface Query {
  /** All of these must hold; at most 32. */
  readonly where?: readonly Condition[] | undefined
  /**
   * Paths, most significant first, at most 8; a `-` before one turns the order around. Records without it come last either way;
   * ties go by id.
   */
  readonly order?: readonly string[] | undefined
  /** Only the first so many. */
  readonly limit?: number | undefined
}

const MOST_CONDITIONS = 32
const MOST_ORDERS = 8

/** A record as queries see it. */
export interface Entry {
  readonly id: string
  readonly value: Value | undefined
}

const isPath = (path: unknown): boolean => {
  try {
    return typeof path === 'string' && !!keysOf(path)
  } catch {
    return false
  }
}

const isCondition = (condition: unknown): boolean =>
  Array.isArray(condition) &&
  condition.length === 3 &&
  isPath(condition[0]) &&
  OPERATORS.includes(condition[1]) &&
  condition[2] !== undefined &&
  (condition[1] !== 'in' || Array.isArray(condition[2]))

const isSome = (value: unknown, most: number, isItem: (item: unknown) => boolean): boolean =>
  value === undefined || (Array.isArray(value) && value.length <= most && value.every(isItem))

const pathOfOrder = (order: string): string => (order.startsWith('-') ? order.slice(1) : order)

/** Whether somebody's value is a query; the values to compare with are taken for values. */
export const isQuery = (value: unknown): value is Query => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const { where, order, limit, ...more } = value as Record<keyof Query, unknown>
  return (
    Object.keys(more).length === 0 &&
    isSome(where, MOST_CONDITIONS, isCondition) &&
    isSome(order, MOST_ORDERS, path => typeof path === 'string' && isPath(pathOfOrder(path))) &&
    (limit === undefined || (Number.isSafeInteger(limit) && Number(limit) >= 0))
  )
}

const has = (list: Value | undefined, value: Value | undefined): boolean =>
  isList(list) && list.some(item => isSame(item, value))

const holds = (view: Value, [path, operator, value]: Condition): boolean => {
  const found = pick(view, path)
  if (operator === 'in') return has(value, found)
  if (operator === 'has') return has(found, value)
  const order = compareValues(found, value)
  if (operator === '=') return order === 0
  if (operator === '!=') return order !== 0
  if (rank(found) !== rank(value)) return false
  if (order === 0) return operator.endsWith('=')
  return operator.startsWith('<') === order < 0
}

/** Whether a record is one of those that a query asks for; one with nothing in it never is. */
export const matches = ({ where = [] }: Query, view: Value | undefined): boolean =>
  view !== undefined && where.every(condition => holds(view, condition))

/** The order that a query asks for, as a comparison of records: total, because ties go by id. */
export const compareBy = (order: readonly string[] = []): ((a: Entry, b: Entry) => number) => {
  const steps = order.map(path => ({ path: pathOfOrder(path), sign: path.startsWith('-') ? -1 : 1 }))
  return (a, b) => {
    for (const { path, sign } of steps) {
      const [one, other] = [pick(a.value, path), pick(b.value, path)]
      if ((one === undefined) !== (other === undefined)) return one === undefined ? 1 : -1
      const difference = compareValues(one, other)
      if (difference) return sign * difference
    }
    return compareText(a.id, b.id)
  }
}
