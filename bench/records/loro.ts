import { LoroDoc } from 'loro-crdt'
import type { Contestant } from './contestant.ts'

export const loro: Contestant = {
  name: 'loro',
  most: 20_000,
  create(sends) {
    const doc = new LoroDoc()
    let messages: Uint8Array[] = []
    let marked = doc.version()
    if (sends) doc.subscribeLocalUpdates(update => void messages.push(update))
    const merge = (update: Uint8Array): void => void doc.import(update)
    return {
      set({ record, field, value }) {
        doc.getMap(record).set(field, value)
        doc.commit()
      },
      settle: () => void (messages = []),
      messages() {
        const all = messages
        messages = []
        return all
      },
      apply: merge,
      mark: () => (marked = doc.version()),
      changes: () => doc.export({ mode: 'update', from: marked }),
      merge,
      snapshot: () => doc.export({ mode: 'snapshot' }),
      load: merge,
      get: (record, field) => doc.getMap(record).get(field)
    }
  }
}
