import type { Value } from '../../../lib/store.ts'
import type { RecordState } from './record-state.ts'
import { DELETED } from './register.ts'
import type { Register } from './register.ts'
import { compareText, isList } from './value.ts'

/*
 * Digests tell whether two ends have the same: sums of hashes, so that order does not matter and what changes is taken out and
 * put in again. A digest is a whole number of 53 bits.
 */
const LOW = 2 ** 32
const HIGH = 2 ** 21

/** The hash of text: cyrb53 (bryc, public domain), two multiplicative hashes of 32 bits each. */
const hash = (text: string): number => {
  let one = 0xdeadbeef
  let other = 0x41c6ce57
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    one = Math.imul(one ^ unit, 2_654_435_761)
    other = Math.imul(other ^ unit, 1_597_334_677)
  }
  one = Math.imul(one ^ (one >>> 16), 2_246_822_507) ^ Math.imul(other ^ (other >>> 13), 3_266_489_909)
  other = Math.imul(other ^ (other >>> 16), 2_246_822_507) ^ Math.imul(one ^ (one >>> 13), 3_266_489_909)
  return LOW * ((other >>> 0) % HIGH) + (one >>> 0)
}

/** Text that is the same for equal values alone, whatever the order of their keys. */
const canonical = (value: Value | undefined): string => {
  if (value instanceof Uint8Array) return `b${value.join()}`
  if (isList(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? ''
  const entries = Object.entries(value).sort(([a], [b]) => compareText(a, b))
  return `{${entries.map(([key, item]) => JSON.stringify(key) + canonical(item)).join()}}`
}

/** Two digests together. */
export const add = (a: number, b: number): number => {
  const low = (a % LOW) + (b % LOW)
  return ((Math.floor(a / LOW) + Math.floor(b / LOW)) % HIGH) * LOW + (low % LOW)
}

/** What a register of a record adds to digests. */
const digestOfRegister = (record: string, { path, kind, value, t, node }: Register): number =>
  hash(`${record}\0${path}\0${kind}\0${t}\0${node}\0${canonical(value)}`)

/**
 * A number that two states share if they have the same registers, but for what was deleted: tombstones may be gone on one
 * side.
 */
export const digestOf = (state: RecordState, record = ''): number =>
  state
    .registers()
    .reduce((sum, register) => (register.kind === DELETED ? sum : add(sum, digestOfRegister(record, register))), 0)
