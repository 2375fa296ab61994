import { malformed } from './bytes.ts'
import type { FrameReader, FrameWriter } from './frame-bytes.ts'
import type { Delta, Registers, Result, ScopeNews } from './frame.ts'
import { list, node, pair, sparse, struct, text, uint } from './part.ts'
import type { Part } from './part.ts'
import { readRegisters, writeRegisters } from './register-codec.ts'
import { INCREMENT } from './register.ts'
import type { Write } from './register.ts'

/** The bit of its first byte. */
export const DELTA = 0x80
const MORE = 0x20
/** Each record has its version, and whether it is whole; otherwise its version is the delta's `seq`, and it is not. */
const VERSIONS = 0x40

/** The outcomes that are not errors are the rule. */
export const OUTCOMES = ['', 'delta', 'reset', 'anew']
const outcome: Part<string> = {
  write(out, value) {
    const known = Math.max(0, OUTCOMES.indexOf(value))
    out.byte(known)
    if (!known) out.text(value)
  },
  read: from => OUTCOMES[from.byte()] || from.text()
}

const lists = sparse<Pick<Delta, 'scopes' | 'evicted' | 'acknowledged' | 'results' | 'digests'>>({
  scopes: list(struct<ScopeNews>({ scope: uint, outcome })),
  evicted: list(text),
  acknowledged: list(pair(node, uint)),
  results: list(struct<Result>({ node, number: uint, record: text, code: text, hint: text })),
  digests: list(pair(uint, uint))
})

export const encodeDelta = (out: FrameWriter, delta: Delta): void => {
  const { seq, versions, whole } = delta
  const hasVersions = versions.some(version => version !== seq) || whole.includes(true)
  out.byte(DELTA | (delta.more ? MORE : 0) | (hasVersions ? VERSIONS : 0) | lists.flags(delta))
  out.uint(seq)
  lists.write(out, delta)
  writeRegisters(out, delta.records, index => {
    if (hasVersions) out.int(2 * ((versions[index] ?? malformed()) - seq) + (whole[index] ? 1 : 0))
  })
}

const isState = (records: readonly Registers<Write>[]): records is readonly Registers[] =>
  records.every(({ registers }) => registers.every(({ kind }) => kind !== INCREMENT))

export const decodeDelta = (from: FrameReader, flags: number): Delta => {
  const seq = from.uint()
  const news = lists.read(from, flags)
  const versions: number[] = []
  const whole: boolean[] = []
  const records = readRegisters(from, () => {
    const number = flags & VERSIONS ? from.int() : 0
    const version = seq + Math.floor(number / 2)
    whole.push(number % 2 !== 0)
    versions.push(Number.isSafeInteger(version) && version >= 0 ? version : malformed())
  })
  return isState(records)
    ? { type: 'delta', seq, more: !!(flags & MORE), ...news, records, versions, whole }
    : malformed()
}
