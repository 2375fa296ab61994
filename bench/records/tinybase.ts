import { createMergeableStore } from 'tinybase'
import type { MergeableChanges } from 'tinybase'
import type { Contestant } from './contestant.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const encode = (value: unknown): Uint8Array => encoder.encode(JSON.stringify(value))
const decode = (bytes: Uint8Array): unknown => JSON.parse(decoder.decode(bytes))

export const tinybase: Contestant = {
  name: 'tinybase',
  most: 10_000,
  create(sends) {
    const store = createMergeableStore()
    let messages: Uint8Array[] = []
    if (sends) {
      store.addDidFinishTransactionListener(() => {
        messages.push(encode(store.getTransactionMergeableChanges()))
      })
    }
    const merge = (bytes: Uint8Array): void => void store.applyMergeableChanges(decode(bytes) as MergeableChanges)
    return {
      set: ({ record, field, value }) => void store.setCell('records', record, field, value),
      settle: () => void (messages = []),
      messages() {
        const all = messages
        messages = []
        return all
      },
      apply: merge,
      mark() {},
      // It has no other way to tell what changed, but for a protocol of several round trips.
      changes: () => encode(store.getMergeableContent()),
      merge,
      snapshot: () => encode(store.getMergeableContent()),
      load: merge,
      get: (record, field) => store.getCell('records', record, field)
    }
  }
}
