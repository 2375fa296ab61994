import * as Automerge from '@automerge/automerge'
import type { Contestant } from './contestant.ts'

type Doc = Record<string, Record<string, number>>

export const automerge: Contestant = {
  name: 'automerge',
  most: 100,
  create() {
    let doc = Automerge.init<Doc>()
    let messages: Uint8Array[] = []
    let marked: Automerge.Doc<Doc> = doc
    return {
      set({ record, field, value }) {
        doc = Automerge.change(doc, draft => {
          draft[record] ??= {}
          const fields = draft[record]
          if (fields) fields[field] = value
        })
        const change = Automerge.getLastLocalChange(doc)
        if (change) messages.push(change)
      },
      settle: () => void (messages = []),
      messages() {
        const all = messages
        messages = []
        return all
      },
      apply(message) {
        ;[doc] = Automerge.applyChanges(doc, [message])
      },
      mark: () => (marked = Automerge.clone(doc)),
      changes: () => Automerge.saveSince(doc, Automerge.getHeads(marked)),
      merge: changes => (doc = Automerge.loadIncremental(doc, changes)),
      snapshot: () => Automerge.save(doc),
      load: snapshot => (doc = Automerge.load(snapshot)),
      get: (record, field) => doc[record]?.[field]
    }
  }
}
