import type { Contestant, Op } from './contestant.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

const encode = (value: unknown): Uint8Array => encoder.encode(JSON.stringify(value))

type Entry = readonly [record: string, field: string, value: number]

/** Maps and JSON, and whoever comes last wins: no replica could be cheaper. */
export const map: Contestant = {
  name: 'plain Map',
  converges: false,
  create() {
    const records = new Map<string, Map<string, number>>()
    let log: Op[] = []
    const set = (record: string, field: string, value: number): void => {
      let fields = records.get(record)
      if (!fields) records.set(record, (fields = new Map()))
      fields.set(field, value)
    }
    return {
      set(op) {
        set(op.record, op.field, op.value)
        log.push(op)
      },
      settle: () => void (log = []),
      messages() {
        const messages = log.map(({ record, field, value }) => encode([record, field, value]))
        log = []
        return messages
      },
      apply(message) {
        const [record, field, value] = JSON.parse(decoder.decode(message)) as Entry
        set(record, field, value)
      },
      mark: () => (log = []),
      changes: () => encode(log.map(({ record, field, value }) => [record, field, value])),
      merge(changes) {
        for (const [record, field, value] of JSON.parse(decoder.decode(changes)) as Entry[]) set(record, field, value)
      },
      snapshot: () =>
        encode(Object.fromEntries([...records].map(([record, fields]) => [record, Object.fromEntries(fields)]))),
      load(snapshot) {
        const all = JSON.parse(decoder.decode(snapshot)) as Record<string, Record<string, number>>
        for (const [record, fields] of Object.entries(all)) records.set(record, new Map(Object.entries(fields)))
      },
      get: (record, field) => records.get(record)?.get(field)
    }
  }
}
