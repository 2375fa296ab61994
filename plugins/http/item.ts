import { isCount } from '../../lib/handshake.ts'

/** What one item of a request asks for. */
export interface Publish {
  readonly publish: string
  /** Not there for a message without a value. */
  readonly value?: unknown
  readonly key?: string
}

export interface Call {
  readonly call: string
  readonly args?: readonly unknown[]
  readonly timeout?: number
  readonly key?: string
}

export interface ReadHistory {
  readonly history: string
  readonly since?: { readonly epoch: string; readonly offset: number }
  readonly limit?: number
  readonly reverse?: boolean
}

export interface ReadRetained {
  readonly retained: string
}

export interface ReadMembers {
  readonly members: string
}

export interface ReadRecord {
  readonly read: string
  /** Within the record. Default: all of it. */
  readonly path?: string
}

export type Item = Publish | Call | ReadHistory | ReadRetained | ReadMembers | ReadRecord

type Fields = Readonly<Record<string, unknown>>
type Guard = (value: unknown) => boolean

const isText: Guard = value => typeof value === 'string'
const isTime: Guard = value => typeof value === 'number' && value > 0
const isPlace: Guard = value => {
  const { epoch, offset } = Object(value) as Fields
  return isText(epoch) && isCount(offset)
}

/** What each kind of item may have, by the field that names it. */
const KINDS: Readonly<Record<string, Readonly<Record<string, Guard>>>> = {
  publish: { value: () => true, key: isText },
  call: { args: Array.isArray, timeout: isTime, key: isText },
  history: { since: isPlace, limit: isCount, reverse: value => typeof value === 'boolean' },
  retained: {},
  members: {},
  read: { path: isText }
}

/** What an item would have. */
export const hintOf = (value: unknown): string => {
  const kinds = Object.keys(KINDS)
  const kind = kinds.find(field => Object.hasOwn(Object(value) as object, field))
  if (kind === undefined) return `this is no item: one has ${kinds.join(', ')}`
  const fields = Object.keys(KINDS[kind] ?? {})
  return `this is no item: '${kind}' is text, and goes with ${fields.join(', ') || 'nothing else'}`
}

/** Whether a value is an item: one kind, and nothing that this kind does not have. */
export const isItem = (value: unknown): value is Item => {
  if (typeof value !== 'object' || !value || Array.isArray(value)) return false
  const fields = Object.entries(value)
  const [named, ...others] = fields.filter(([field]) => Object.hasOwn(KINDS, field))
  const [kind, name] = named ?? ['']
  const guards = KINDS[kind]
  // A message without a value has no options either.
  if (kind === 'publish' && 'key' in value && !('value' in value)) return false
  return (
    guards !== undefined &&
    others.length === 0 &&
    typeof name === 'string' &&
    fields.every(
      ([field, content]) => field === kind || (Object.hasOwn(guards, field) && guards[field]?.(content) === true)
    )
  )
}
