import { malformed } from './bytes.ts'
import type { FrameReader, FrameWriter } from './frame-bytes.ts'
import type { Delta, Registers } from './frame.ts'
import { readRegisters, writeRegisters } from './register-codec.ts'
import { INCREMENT } from './register.ts'
import type { Write } from './register.ts'

/** The bit of its first byte. */
export const DELTA = 0x80
const MORE = 0x20
/** Each record has its version, and whether it is whole; otherwise its version is the delta's `seq`, and it is not. */
const VERSIONS = 0x40

/** The lists that are there, which most of the time are none. */
const SCOPES = 1
const EVICTED = 2
const ACKNOWLEDGED = 4
const RESULTS = 8
const DIGESTS = 16

const NONE: readonly never[] = []

/** The outcomes that are not errors are the rule. */
export const OUTCOMES = ['', 'delta', 'reset', 'anew', 'left']

export const encodeDelta = (out: FrameWriter, delta: Delta): void => {
  const { seq, more, scopes, evicted, denied, acknowledged, results, digests, records, versions, whole } = delta
  const hasVersions = versions.some(version => version !== seq) || whole.includes(true)
  out.byte(
    DELTA |
      (more ? MORE : 0) |
      (hasVersions ? VERSIONS : 0) |
      (scopes.length && SCOPES) |
      ((evicted.length || denied.length) && EVICTED) |
      (acknowledged.length && ACKNOWLEDGED) |
      (results.length && RESULTS) |
      (digests.length && DIGESTS)
  )
  out.uint(seq)
  if (scopes.length)
    out.list(scopes, ({ scope, outcome }) => {
      out.uint(scope)
      const known = Math.max(0, OUTCOMES.indexOf(outcome))
      out.byte(known)
      if (!known) out.text(outcome)
    })
  if (evicted.length || denied.length) for (const ids of [evicted, denied]) out.list(ids, id => out.text(id))
  if (acknowledged.length) out.list(acknowledged, ([node, number]) => out.numbered(node, number))
  if (results.length)
    out.list(results, ({ node, number, record, code, hint }) => {
      out.numbered(node, number)
      out.text(record)
      out.text(code)
      out.text(hint)
    })
  if (digests.length)
    out.list(digests, ([scope, digest]) => {
      out.uint(scope)
      out.uint(digest)
    })
  writeRegisters(out, records, index => {
    if (hasVersions) out.int(2 * ((versions[index] ?? malformed()) - seq) + (whole[index] ? 1 : 0))
  })
}

const isState = (records: readonly Registers<Write>[]): records is readonly Registers[] =>
  records.every(({ registers }) => registers.every(({ kind }) => kind !== INCREMENT))

export const decodeDelta = (from: FrameReader, flags: number): Delta => {
  const list = <T>(flag: number, read: () => T): readonly T[] => (flags & flag ? from.list(read) : NONE)
  const seq = from.uint()
  const scopes = list(SCOPES, () => ({ scope: from.uint(), outcome: OUTCOMES[from.byte()] || from.text() }))
  const evicted = list(EVICTED, () => from.text())
  const denied = list(EVICTED, () => from.text())
  const acknowledged = list(ACKNOWLEDGED, () => from.numbered())
  const results = list(RESULTS, () => {
    const [node, number] = from.numbered()
    return { node, number, record: from.text(), code: from.text(), hint: from.text() }
  })
  const digests = list(DIGESTS, () => [from.uint(), from.uint()] as const)
  const versions: number[] = []
  const whole: boolean[] = []
  const records = readRegisters(from, () => {
    const number = flags & VERSIONS ? from.int() : 0
    const version = seq + Math.floor(number / 2)
    whole.push(number % 2 !== 0)
    versions.push(Number.isSafeInteger(version) && version >= 0 ? version : malformed())
  })
  if (!isState(records)) return malformed()
  const more = !!(flags & MORE)
  return { type: 'delta', seq, more, scopes, evicted, denied, acknowledged, results, digests, records, versions, whole }
}
