import { Replica } from '../../dist/plugins/records/client/replica.js'
import type { LiveRecord } from '../../dist/plugins/records/client/live-record.js'
import { Records } from '../../dist/plugins/records/client/surface.js'
import { decodeFrame, encodeFrame as encodeWrite } from '../../dist/plugins/records/core/client-codec.js'
import type { Delta, Registers } from '../../dist/plugins/records/core/frame.js'
import { decodeFrame as decodeWrite, encodeFrame } from '../../dist/plugins/records/core/server-codec.js'
import { INCREMENT } from '../../dist/plugins/records/core/register.js'
import type { Register, Write } from '../../dist/plugins/records/core/register.js'
import type { Contestant } from './contestant.ts'

type Fields = Record<string, number>

const isDecided = (registers: readonly Write[]): registers is readonly Register[] =>
  registers.every(({ kind }) => kind !== INCREMENT)

/** What is set is what it comes to: nobody adds here. */
const decided = (registers: readonly Write[]): readonly Register[] => {
  if (!isDecided(registers)) throw new Error('nobody adds to numbers here')
  return registers
}

/** A client: sets go through records that are followed into the outbox, and what others tell into what is committed. */
export const anywire: Contestant = {
  name: 'anywire',
  create() {
    let sets = 0
    // Sets are a millisecond apart, and the clock takes as long to be read as any other.
    const replica = new Replica({ now: () => Date.now(), monotonic: () => performance.now() + sets++ })
    const client = new Records(replica, error => {
      throw error
    })
    const followed = new Map<string, LiveRecord<Fields>>()
    let seq = 0
    let marked = 0
    const follow = (id: string) => {
      let record = followed.get(id)
      if (!record) followed.set(id, (record = client.get<Fields>(id)))
      return record
    }
    const delta = (since: number): Uint8Array => {
      const records: Registers[] = []
      const versions: number[] = []
      for (const record of replica.records.ids()) {
        const registers = replica.records.base(record)?.registers(since) ?? []
        if (registers.length === 0) continue
        records.push({ record, registers })
        versions.push(replica.version(record))
      }
      return encodeFrame({ ...EMPTY, seq, records, versions, whole: versions.map(() => false) })
    }
    const take = (all: readonly Registers<Write>[]): void => {
      seq++
      for (const { record, registers } of all) replica.records.merge(record, decided(registers), seq, false)
    }
    const apply = (bytes: Uint8Array): void => {
      const frame = decodeWrite(bytes)
      if (frame.type !== 'write') throw new Error(frame.type)
      take(frame.records)
    }
    const merge = (bytes: Uint8Array): void => {
      const frame = decodeFrame(bytes)
      if (frame.type !== 'delta') throw new Error(frame.type)
      take(frame.records)
    }
    /** What the authority says to all that waits: it is committed as it is. */
    const commit = (): void => {
      const { entries } = replica.outbox
      const last = entries.at(-1)
      if (!last) return
      seq++
      const records: Registers[] = []
      for (const entry of entries) {
        for (const { record, registers } of entry.records) records.push({ record, registers: decided(registers) })
      }
      const [versions, whole] = [records.map(() => seq), records.map(() => false)]
      // What is followed from here on.
      const scopes = [...replica.scopes.all].flatMap(({ isLive, number }) =>
        isLive ? [] : [{ scope: number, outcome: 'delta' }]
      )
      const acknowledged = [[last.node, last.number] as const]
      replica.changed([{ ...EMPTY, seq, scopes, records, versions, whole, acknowledged }], 'epoch')
    }
    return {
      set: ({ record, field, value }) => void follow(record).set(field, value),
      settle: commit,
      rest: commit,
      messages() {
        const messages = replica.outbox.entries.map(({ frame }) => encodeWrite(frame))
        commit()
        return messages
      },
      apply,
      mark: () => (marked = seq),
      changes: () => delta(marked),
      merge,
      snapshot: () => delta(-1),
      load: merge,
      get: (record, field) => replica.state(record)?.view(field)
    }
  }
}

const EMPTY: Delta = {
  type: 'delta',
  seq: 0,
  more: false,
  scopes: [],
  records: [],
  versions: [],
  whole: [],
  evicted: [],
  denied: [],
  acknowledged: [],
  results: [],
  digests: []
}
