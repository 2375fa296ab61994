import type { Value } from '../../../lib/store.ts'
import { malformed } from './bytes.ts'
import { TICKS, ticksOf, timeOf } from './clock.ts'
import type { FrameReader, FrameWriter } from './frame-bytes.ts'
import type { Registers } from './frame.ts'
import { DELETED, IMPLICIT, INCREMENT, LEAF, OBJECT } from './register.ts'
import type { Write } from './register.ts'
import { codeOf, readContent, readValue, writeContent, writeValue } from './value-codec.ts'

/*
 * The registers of a frame, up to its end. Each begins with a byte: a code, and what is not as it was in the register before.
 * A code is that of a value where a value was set, or one of these.
 */
const CODE_OBJECT = 10
const CODE_DELETED = 11
/** An object with the stamp IMPLICIT; the stamp of the register before is still the last one. */
const CODE_IMPLICIT = 12
const CODE_INCREMENT = 13
/** The kinds of these codes. */
const KINDS = [OBJECT, DELETED, OBJECT, INCREMENT] as const
/** No register: the record has none. */
const CODE_NONE = 14

/** What one takes in memory beside its path and value. */
const REGISTER = 90

/** The bits of the code. */
const CODE = 15
const NEW_RECORD = 16
const NEW_PATH = 32
const NEW_TIME = 64
const NEW_NODE = 128

/** What times are counted from, in 2020: so that the first one of a frame is short. */
const FIRST = ticksOf(1_600_000_000_000)

const MOST_SHARED = 0x7f

/** Text that often begins as the one before it does: how much of it, unless that is '', and the rest. */
const writeShared = (out: FrameWriter, last: string, text: string): void => {
  if (!last) return out.text(text)
  let shared = 0
  while (shared < MOST_SHARED && shared < text.length && last.charCodeAt(shared) === text.charCodeAt(shared)) shared++
  // Not between the halves of a surrogate pair: alone they are no text.
  if ((text.charCodeAt(shared - 1) & 0xfc00) === 0xd800) shared--
  out.byte(shared)
  out.text(text.slice(shared))
}

const readShared = (from: FrameReader, last: string): string => {
  if (!last) return from.text()
  const shared = from.byte()
  if (shared > MOST_SHARED || shared > last.length) malformed()
  return last.slice(0, shared) + from.text()
}

const codeOfWrite = ({ kind, value, t, node }: Write): number => {
  if (kind === LEAF) return codeOf(value)
  if (kind === DELETED) return CODE_DELETED
  if (kind === INCREMENT) return CODE_INCREMENT
  return t === IMPLICIT.t && node === IMPLICIT.node ? CODE_IMPLICIT : CODE_OBJECT
}

/** A stamp's time as the distance to another one: twice the milliseconds, and 1 more where the counter follows. */
const writeTime = (out: FrameWriter, last: number, t: number): void => {
  const counter = t % TICKS
  out.int(2 * (timeOf(t) - timeOf(last)) + (counter && 1))
  if (counter) out.uint(counter)
}

const readTime = (from: FrameReader, last: number): number => {
  const distance = from.int()
  const t = ticksOf(timeOf(last) + distance / 2) + (distance % 2 ? from.uint() : 0)
  return Number.isSafeInteger(t) && t >= 0 ? t : malformed()
}

/** @param each - writes more about a record, once for each of `records` */
export const writeRegisters = (
  out: FrameWriter,
  records: readonly Registers<Write>[],
  each: (index: number) => void
): void => {
  // Most frames have one register, and look for no path.
  const paths = records.length > 1 || (records[0]?.registers.length ?? 0) > 1 ? new Map<string, number>() : undefined
  // What the next register is compared with.
  let lastRecord = ''
  let lastPath = ''
  let lastT = FIRST
  let lastNode = out.first
  for (let index = 0; index < records.length; index++) {
    const { record, registers } = records[index] ?? malformed()
    let at = 0
    do {
      const register = registers[at]
      const code = register ? codeOfWrite(register) : CODE_NONE
      const known = register && paths?.get(register.path)
      let flags = code | (at ? 0 : NEW_RECORD)
      if (register && known === undefined) flags |= NEW_PATH
      if (register && code !== CODE_IMPLICIT)
        flags |= (register.t === lastT ? 0 : NEW_TIME) | (register.node === lastNode ? 0 : NEW_NODE)
      out.byte(flags)
      if (!at) {
        writeShared(out, lastRecord, record)
        lastRecord = record
        each(index)
      }
      if (!register) break
      const { path, value, t, node } = register
      if (known === undefined) {
        writeShared(out, lastPath, path)
        paths?.set(path, paths.size)
        lastPath = path
      } else out.uint(known)
      if (flags & NEW_TIME) {
        writeTime(out, lastT, t)
        lastT = t
      }
      if (flags & NEW_NODE) {
        out.node(node)
        lastNode = node
      }
      if (code === CODE_INCREMENT) writeValue(out, value)
      else writeContent(out, value)
    } while (++at < registers.length)
  }
}

const readNumber = (from: FrameReader): number => {
  const value = readValue(from)
  return typeof value === 'number' ? value : malformed()
}

/** Adds to a list. One that is made with its first item has no room for more, and most have one. */
const added = <T>(list: T[] | undefined, item: T): T[] => {
  if (!list) return [item]
  list.push(item)
  return list
}

/** @param each - reads more about a record */
export const readRegisters = (from: FrameReader, each: () => void): readonly Registers<Write>[] => {
  let records: Registers<Write>[] | undefined
  let registers: Write[] | undefined
  let paths: string[] | undefined
  let record = ''
  let lastPath = ''
  let t = FIRST
  let node = from.first
  while (!from.isAtEnd) {
    const head = from.byte()
    from.weight += REGISTER
    const code = head & CODE
    const isNew = head & NEW_RECORD
    if (isNew) {
      record = readShared(from, record)
      each()
    } else if (!records) return malformed()
    let register: Write | undefined
    if (code !== CODE_NONE) {
      const path = head & NEW_PATH ? readShared(from, lastPath) : (paths?.[from.uint()] ?? malformed())
      if (head & NEW_PATH) paths = added(paths, (lastPath = path))
      if (head & NEW_TIME) t = readTime(from, t)
      if (head & NEW_NODE) node = from.node()
      let kind: Write['kind'] = LEAF
      let value: Value | undefined
      if (code < CODE_OBJECT) value = readContent(from, code)
      else kind = KINDS[code - CODE_OBJECT] ?? malformed()
      if (kind === INCREMENT) value = readNumber(from)
      register =
        code === CODE_IMPLICIT
          ? { path, kind, value, t: IMPLICIT.t, node: IMPLICIT.node }
          : { path, kind, value, t, node: node ?? malformed() }
    }
    if (isNew) {
      registers = register ? [register] : []
      records = added(records, { record, registers })
    } else if (register) registers?.push(register)
  }
  return records ?? []
}
