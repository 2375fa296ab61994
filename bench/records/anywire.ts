import { Clock } from '../../dist/plugins/records/core/clock.js'
import { decodeFrame, encodeFrame } from '../../dist/plugins/records/core/codec.js'
import { Edit } from '../../dist/plugins/records/core/edit.js'
import type { Delta, Registers, WriteFrame } from '../../dist/plugins/records/core/frame.js'
import { RecordState } from '../../dist/plugins/records/core/record-state.js'
import type { Contestant } from './contestant.ts'

const MAX_VALUE = 262_144
let nodes = 0

/** What both ends of anywire do with records: edits, an outbox, frames, and merging. */
export const anywire: Contestant = {
  name: 'anywire',
  create() {
    const node = Buffer.from(`anywire${nodes++ % 10}`).toString('base64url')
    // A set each millisecond.
    let now = Date.now()
    const clock = new Clock(node, () => now++)
    const records = new Map<string, RecordState>()
    let outbox: WriteFrame[] = []
    let number = 0
    let seq = 0
    let marked = 0
    const state = (id: string): RecordState => {
      let known = records.get(id)
      if (!known) records.set(id, (known = new RecordState()))
      return known
    }
    const delta = (since: number): Uint8Array => {
      const changed: Registers[] = []
      const versions: number[] = []
      for (const [record, state] of records) {
        const registers = state.registers(since)
        if (registers.length === 0) continue
        changed.push({ record, registers })
        versions.push(state.seq)
      }
      return encodeFrame({ ...EMPTY, seq, records: changed, versions, whole: versions.map(() => false) })
    }
    const merge = (bytes: Uint8Array): void => {
      const frame = decodeFrame(bytes)
      if (frame.type !== 'delta' && frame.type !== 'write') throw new Error(frame.type)
      seq++
      for (const { record, registers } of frame.records) {
        const target = state(record)
        for (const register of registers) {
          if (register.kind === 3) throw new Error('an increment')
          clock.saw(register.t)
          target.merge(register, seq)
        }
      }
    }
    return {
      set({ record, field, value }) {
        const target = state(record)
        const { writes } = new Edit(target, clock.tick(), MAX_VALUE).set(field, value)
        seq++
        for (const write of writes) if (write.kind !== 3) target.merge(write, seq)
        outbox.push({
          type: 'write',
          node,
          number: ++number,
          atomic: false,
          conditions: NONE,
          records: [{ record, registers: writes }]
        })
      },
      settle: () => void (outbox = []),
      messages() {
        const messages = outbox.map(encodeFrame)
        outbox = []
        return messages
      },
      apply: merge,
      mark: () => (marked = seq),
      changes: () => delta(marked),
      merge,
      snapshot: () => delta(-1),
      load: merge,
      get: (record, field) => records.get(record)?.view(field)
    }
  }
}

const NONE: WriteFrame['conditions'] = []

const EMPTY: Delta = {
  type: 'delta',
  seq: 0,
  more: false,
  scopes: [],
  records: [],
  versions: [],
  whole: [],
  evicted: [],
  acknowledged: [],
  results: [],
  digests: []
}
