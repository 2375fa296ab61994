import type { Value } from '../../../lib/store.ts'
import { keysOf } from './path.ts'
import { pick } from './pick.ts'
import { compareText, compareValues, DEEPEST, isFields, isList, isSame, isText, rank } from './value.ts'
import type { Fields } from './value.ts'

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
  /**
   * All of these must hold; at most 32. What they compare with has at most 1,000 parts in all: items of arrays, and fields of objects.
   */
  readonly where?: readonly Condition[] | undefined
  /**
   * Paths, most significant first, at most 8; a `-` before one turns the order around. Records without it come last either way;
   * ties go by id.
   */
  readonly order?: readonly string[] | undefined
  /** Only the first so many; one at least. */
  readonly limit?: number | undefined
}

const MOST_CONDITIONS = 32
const MOST_ORDERS = 8
const MOST_PARTS = 1_000

const CONDITIONS = ['conditions', `a path, one of ${OPERATORS.join(' ')}, and a value: a list for in`] as const
const ORDERS = ['paths', 'a path, or one behind a -'] as const

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

const isCondition = (condition: unknown): condition is Condition =>
  Array.isArray(condition) &&
  condition.length === 3 &&
  isPath(condition[0]) &&
  OPERATORS.includes(condition[1]) &&
  condition[2] !== undefined &&
  (condition[1] !== 'in' || Array.isArray(condition[2]))

/** In the place of the room that is left: it is no value of a record, so that no record can be compared with it. */
const NONE = -Infinity

/** How deep in its query what is compared with is. */
const AROUND = 3

/** How much of some room for items of arrays and fields of objects a value leaves; less than 0 where it does not fit. */
const roomLeft = (value: unknown, room: number, depth = AROUND): number => {
  if (room < 0 || value === null || typeof value === 'boolean' || value instanceof Uint8Array) return room
  if (typeof value === 'string') return isText(value) ? room : NONE
  if (typeof value === 'number') return Number.isFinite(value) ? room : NONE
  const items: readonly unknown[] | undefined = Array.isArray(value) ? value : undefined
  if (depth >= DEEPEST || (!items && !isFields(value))) return NONE
  // As in records, a field that is undefined is none; but an item is one.
  const parts = items ? [...items] : Object.values(value as Fields).filter(part => part !== undefined)
  return parts.reduce<number>((left, part) => roomLeft(part, left, depth + 1), room - parts.length)
}

const pathOfOrder = (order: string): string => (order.startsWith('-') ? order.slice(1) : order)

const isOrder = (order: unknown): boolean => typeof order === 'string' && isPath(pathOfOrder(order))

const problemOfList = (
  list: unknown,
  most: number,
  [items, item]: readonly [items: string, item: string],
  isItem: (item: unknown) => boolean
): string | undefined => {
  if (list === undefined) return undefined
  if (!Array.isArray(list) || list.length > most) return `: a list of at most ${most} ${items}`
  const at = list.findIndex(each => !isItem(each))
  return at < 0 ? undefined : `[${at}]: ${item}`
}

const problemOfWhere = (where: unknown): string | undefined => {
  const problem = problemOfList(where, MOST_CONDITIONS, CONDITIONS, isCondition)
  if (problem) return problem
  const conditions = (where ?? []) as readonly Condition[]
  const room = conditions.reduce((room, [, , value]) => roomLeft(value, room), MOST_PARTS)
  if (room === NONE) return ': what is no value of a record to compare with'
  return room < 0 ? `: more than ${MOST_PARTS} values to compare with` : undefined
}

/** Why others cannot be asked it, in words. */
const refusalOf = (query: unknown): string | undefined => {
  if (typeof query !== 'object' || query === null || Array.isArray(query))
    return 'an object, such as { where, order, limit }'
  const { where, order, limit, ...more } = query as Record<keyof Query, unknown>
  for (const name of Object.keys(more)) return `there is no '${name}'`
  const whereProblem = problemOfWhere(where)
  if (whereProblem) return `where${whereProblem}`
  const orderProblem = problemOfList(order, MOST_ORDERS, ORDERS, isOrder)
  if (orderProblem) return `order${orderProblem}`
  // One that asks for nothing is a mistake.
  const isLimit = limit === undefined || (Number.isSafeInteger(limit) && Number(limit) > 0)
  return isLimit ? undefined : 'limit: a whole number from 1'
}

/** Whether somebody's value is a query. Also what is a mistake is one: clients of other versions make it, and are understood. */
export const isQuery = (value: unknown): value is Query => refusalOf(value) === undefined

/** What is taken from others, and whoever makes it did not mean: it decides nothing. */
const mistakeIn = ({ where = [], order = [] }: Query): string | undefined => {
  const condition = where.findIndex(([path]) => path === '')
  if (condition >= 0) return `where[${condition}]: ${CONDITIONS[1]}`
  const paths = order.map(pathOfOrder)
  const whole = paths.indexOf('')
  if (whole >= 0) return `order[${whole}]: ${ORDERS[1]}`
  const twice = paths.find((path, at) => paths.indexOf(path) < at)
  return twice === undefined ? undefined : `order: '${twice}' twice`
}

/** What is wrong with a query, in words; undefined for nothing. */
export const problemOf = (query: unknown): string | undefined => (isQuery(query) ? mistakeIn(query) : refusalOf(query))

/** For scalars, `includes` is the same, and much faster. */
const has = (list: Value | undefined, value: Value | undefined): boolean =>
  isList(list) &&
  (list.includes(value as Value) || (typeof value === 'object' && list.some(item => isSame(item, value))))

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

/**
 * The order that a query asks for, as a comparison of things that have the id of a record: total, because ties go by id.
 * @param look - what such a thing has at a path, which is that of a step of the order
 */
export const compareWith = <E extends { readonly id: string }>(
  order: readonly string[],
  look: (entry: E, path: string, step: number) => Value | undefined
): ((a: E, b: E) => number) => {
  const steps = order.map(path => ({ path: pathOfOrder(path), sign: path.startsWith('-') ? -1 : 1 }))
  return (a, b) => {
    for (const [step, { path, sign }] of steps.entries()) {
      const [one, other] = [look(a, path, step), look(b, path, step)]
      if ((one === undefined) !== (other === undefined)) return one === undefined ? 1 : -1
      const difference = compareValues(one, other)
      if (difference) return sign * difference
    }
    return compareText(a.id, b.id)
  }
}

/** The same, of records. */
export const compareBy = (order: readonly string[] = []): ((a: Entry, b: Entry) => number) =>
  compareWith<Entry>(order, ({ value }, path) => pick(value, path))

/** What decides about the place of a record in an order. */
export const placeIn = (order: readonly string[], value: Value | undefined): readonly (Value | undefined)[] =>
  order.map(path => pick(value, pathOfOrder(path)))
