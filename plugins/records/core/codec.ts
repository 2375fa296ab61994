import type { Value } from '../../../lib/store.ts'
import { fromBase64, toBase64 } from './base64.ts'
import { malformed } from './bytes.ts'
import type {
  ClientFrame,
  Confirm,
  Delta,
  Follow,
  FollowFrame,
  Hello,
  Mismatch,
  Notice,
  Ping,
  Pong,
  Registers,
  Result,
  SchemaVersion,
  ScopeNews,
  ServerFrame,
  Unfollow,
  Welcome,
  WriteFrame
} from './frame.ts'
import { FrameReader, FrameWriter } from './frame-bytes.ts'
import { fixed, list, node, number, oneOf, optional, pair, sparse, struct, text, uint } from './part.ts'
import type { Part } from './part.ts'
import { isQuery } from './query.ts'
import { readRegisters, writeRegisters } from './register-codec.ts'
import { INCREMENT } from './register.ts'
import type { Write } from './register.ts'
import { readValue, writeValue } from './value-codec.ts'

/*
 * Frames as bytes. The first byte says what the frame is; those that carry records have flags in it, for what is empty most of
 * the time. PROTOCOL.md, "records", has the format.
 */

type Frame = ClientFrame | ServerFrame

const query: Part<Follow['query']> = optional({
  // Fields that are undefined are not written.
  write: (out, value) => writeValue(out, value as { readonly [key: string]: Value }),
  read(from) {
    const value: unknown = readValue(from)
    return isQuery(value) ? value : malformed()
  }
})

const follows = list(struct<Follow>({ scope: uint, name: text, query, epoch: text, since: uint, digest: uint }))

type Plain = Exclude<Frame, WriteFrame | Delta>

/** Frames without records; their order is that of their numbers. */
const PLAIN: { readonly [T in Plain['type']]: Part<Plain> } = {
  hello: struct<Hello>({
    type: fixed('hello'),
    version: uint,
    node,
    schema: optional(struct<SchemaVersion>({ id: text, version: uint })),
    asked: number,
    follows
  }),
  follow: struct<FollowFrame>({ type: fixed('follow'), follows }),
  unfollow: struct<Unfollow>({ type: fixed('unfollow'), scopes: list(uint) }),
  confirm: struct<Confirm>({ type: fixed('confirm'), node, number: uint }),
  ping: struct<Ping>({ type: fixed('ping'), asked: number }),
  welcome: struct<Welcome>({
    type: fixed('welcome'),
    epoch: text,
    asked: number,
    time: number,
    last: uint,
    maxValue: uint,
    maxFrame: uint
  }),
  mismatch: struct<Mismatch>({ type: fixed('mismatch'), advice: oneOf('upgrade', 'wait'), min: uint, max: uint }),
  pong: struct<Pong>({ type: fixed('pong'), asked: number, time: number }),
  notice: struct<Notice>({ type: fixed('notice'), what: oneOf('versionchange', 'bye'), version: uint })
}
const TYPES = Object.keys(PLAIN) as Plain['type'][]

const WRITE = 0x40
const ATOMIC = 2

const conditions = sparse(1, pair(text, uint))
const nothing = (): void => {}

const encodeWrite = (out: FrameWriter, frame: WriteFrame): void => {
  out.byte(WRITE | (frame.atomic ? ATOMIC : 0) | conditions.flag(frame.conditions))
  out.node(frame.node)
  out.uint(frame.number)
  conditions.write(out, frame.conditions)
  writeRegisters(out, frame.records, nothing)
}

const decodeWrite = (from: FrameReader, flags: number): WriteFrame => ({
  type: 'write',
  node: from.node(),
  number: from.uint(),
  atomic: !!(flags & ATOMIC),
  conditions: conditions.read(from, flags),
  records: readRegisters(from, nothing)
})

const DELTA = 0x80
const MORE = 0x20
/** Each record has its version, and whether it is whole; otherwise its version is the delta's `seq`, and it is not. */
const VERSIONS = 0x40

/** The outcomes that are not errors are the rule. */
const OUTCOMES = ['', 'delta', 'reset']
const outcome: Part<string> = {
  write(out, value) {
    const known = Math.max(0, OUTCOMES.indexOf(value))
    out.byte(known)
    if (!known) out.text(value)
  },
  read: from => OUTCOMES[from.byte()] || from.text()
}

const scopes = sparse(1, struct<ScopeNews>({ scope: uint, outcome }))
const evicted = sparse(2, text)
const acknowledged = sparse(4, pair(node, uint))
const results = sparse(8, struct<Result>({ node, number: uint, record: text, code: text, hint: text }))
const digests = sparse(16, pair(uint, uint))

const encodeDelta = (out: FrameWriter, delta: Delta): void => {
  const { seq, versions, whole } = delta
  const hasVersions = versions.some(version => version !== seq) || whole.includes(true)
  const lists =
    scopes.flag(delta.scopes) |
    evicted.flag(delta.evicted) |
    acknowledged.flag(delta.acknowledged) |
    results.flag(delta.results) |
    digests.flag(delta.digests)
  out.byte(DELTA | (delta.more ? MORE : 0) | (hasVersions ? VERSIONS : 0) | lists)
  out.uint(seq)
  scopes.write(out, delta.scopes)
  evicted.write(out, delta.evicted)
  acknowledged.write(out, delta.acknowledged)
  results.write(out, delta.results)
  digests.write(out, delta.digests)
  writeRegisters(out, delta.records, index => {
    if (hasVersions) out.int(2 * ((versions[index] ?? malformed()) - seq) + (whole[index] ? 1 : 0))
  })
}

const isState = (records: readonly Registers<Write>[]): records is readonly Registers[] =>
  records.every(({ registers }) => registers.every(({ kind }) => kind !== INCREMENT))

const decodeDelta = (from: FrameReader, flags: number): Delta => {
  const seq = from.uint()
  const lists = {
    scopes: scopes.read(from, flags),
    evicted: evicted.read(from, flags),
    acknowledged: acknowledged.read(from, flags),
    results: results.read(from, flags),
    digests: digests.read(from, flags)
  }
  const versions: number[] = []
  const whole: boolean[] = []
  const records = readRegisters(from, () => {
    const number = flags & VERSIONS ? from.int() : 0
    const version = seq + Math.floor(number / 2)
    whole.push(number % 2 !== 0)
    versions.push(Number.isSafeInteger(version) && version >= 0 ? version : malformed())
  })
  return isState(records)
    ? { type: 'delta', seq, more: !!(flags & MORE), ...lists, records, versions, whole }
    : malformed()
}

/** A frame as bytes. @throws Error where something in it is not what its type says */
export const encodeFrame = (frame: Frame): Uint8Array => {
  const out = new FrameWriter()
  if (frame.type === 'delta') encodeDelta(out, frame)
  else if (frame.type === 'write') encodeWrite(out, frame)
  else {
    out.byte(TYPES.indexOf(frame.type))
    PLAIN[frame.type].write(out, frame)
  }
  return out.take()
}

/** The frame that bytes are. @throws Error where they are none */
export const decodeFrame = (bytes: Uint8Array): Frame => {
  const from = new FrameReader(bytes)
  const head = from.byte()
  if (head & DELTA) return decodeDelta(from, head)
  if (head & WRITE) return decodeWrite(from, head)
  const frame = PLAIN[TYPES[head] ?? malformed()].read(from)
  return from.isAtEnd ? frame : malformed()
}

/** The format of what `packWrite` makes; another one begins with another character. */
const PACKED = '1'

/** A write as text, to be kept: the versions of anywire that come later must be able to read it. */
export const packWrite = (frame: WriteFrame): string => PACKED + toBase64(encodeFrame(frame))

/** What was packed. @throws Error where it is nothing that was packed */
export const unpackWrite = (packed: unknown): WriteFrame => {
  if (typeof packed !== 'string' || packed[0] !== PACKED) return malformed()
  const frame = decodeFrame(fromBase64(packed.slice(1)))
  return frame.type === 'write' ? frame : malformed()
}
