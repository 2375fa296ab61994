import { callRules, checkCall, signal } from '../../lib/call-rules.ts'
import { whole } from '../../lib/option-rules.ts'
import type { Collection } from './client/collection.ts'
import type { EditOptions, Target } from './client/target.ts'

/*
 * What the types say of the options of calls, for who writes JavaScript: on servers, and for clients in Node. A condition that is misspelt would
 * be none, and the write one without.
 */

const EDIT = callRules<EditOptions>({ ifVersion: whole(0) })
const READ = callRules<{ readonly signal?: AbortSignal }>({ signal })

/** What is put before methods of one object is not shown with it. */
const put = (target: object, methods: object): void => {
  for (const [name, value] of Object.entries(methods))
    Object.defineProperty(target, name, { value, configurable: true, writable: true })
}

/** Those that look already. */
const looking = new WeakSet<object>()

/** Has a record, or a draft of one, look at what it is called with. */
const checkedFields = <F extends Target<unknown>>(fields: F): F => {
  if (looking.has(fields)) return fields
  looking.add(fields)
  const edit = fields.edit.bind(fields)
  const checking: Pick<Target<unknown>, 'edit'> = {
    edit(operation, path, value, options) {
      if (options) checkCall(operation, options, EDIT)
      return edit(operation, path, value, options)
    }
  }
  put(fields, checking)
  return fields
}

/** The surface, without the types of an application. */
interface Untyped {
  get(id: string): Target<unknown>
  collection(name: string): Collection<unknown>
  snapshot(id: string, options?: { readonly signal?: AbortSignal }): Promise<unknown>
  transaction(act: (draft: { readonly get: (id: string) => Target<unknown> }) => void | undefined): unknown
}

/** Has the records of one end look at what they are called with. @returns the same */
export const checkedRecords = <R extends object>(records: R): R => {
  // Types of the application's records are a promise of its own.
  const untyped = records as object as Untyped
  const plain = {
    get: untyped.get.bind(records),
    collection: untyped.collection.bind(records),
    snapshot: untyped.snapshot.bind(records),
    transaction: untyped.transaction.bind(records)
  }
  const checking: Untyped = {
    get: id => checkedFields(plain.get(id)),
    collection(name) {
      const collection = plain.collection(name)
      const get = collection.get.bind(collection)
      put(collection, { get: (key: string) => checkedFields(get(key)) })
      return collection
    },
    async snapshot(id, options) {
      if (options) checkCall('snapshot', options, READ)
      return plain.snapshot(id, options)
    },
    transaction: act => plain.transaction(({ get }) => act({ get: id => checkedFields(get(id)) }))
  }
  put(records, checking)
  return records
}
