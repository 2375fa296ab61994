import * as Y from 'yjs'
import type { Contestant } from './contestant.ts'

export const yjs: Contestant = {
  name: 'yjs',
  most: 20_000,
  create(sends) {
    const doc = new Y.Doc()
    let messages: Uint8Array[] = []
    let marked: Uint8Array = new Uint8Array()
    if (sends) doc.on('update', (update: Uint8Array) => messages.push(update))
    const merge = (update: Uint8Array): void => Y.applyUpdate(doc, update)
    return {
      set: ({ record, field, value }) => void doc.getMap(record).set(field, value),
      settle: () => void (messages = []),
      messages() {
        const all = messages
        messages = []
        return all
      },
      apply: merge,
      mark: () => (marked = Y.encodeStateVector(doc)),
      changes: () => Y.encodeStateAsUpdate(doc, marked),
      merge,
      snapshot: () => Y.encodeStateAsUpdate(doc),
      load: merge,
      get: (record, field) => doc.getMap(record).get(field)
    }
  }
}
