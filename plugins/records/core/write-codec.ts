import { fromBase64 } from './base64.ts'
import { malformed } from './bytes.ts'
import { FrameReader } from './frame-bytes.ts'
import type { FrameWriter } from './frame-bytes.ts'
import type { WriteFrame } from './frame.ts'
import { readRegisters, writeRegisters } from './register-codec.ts'

const WRITE = 0x40

/** Whether a frame with this first byte is a write. */
export const isWrite = (head: number): boolean => head >> 6 === 1

const NONE: readonly never[] = []
/** Whether there are conditions. */
const CONDITIONS = 1
const ATOMIC = 2

const nothing = (): void => {}

export const encodeWrite = (out: FrameWriter, { node, number, atomic, conditions, records }: WriteFrame): void => {
  out.byte(WRITE | (atomic ? ATOMIC : 0) | (conditions.length && CONDITIONS))
  out.numbered(node, number)
  if (conditions.length)
    out.list(conditions, ([record, version]) => {
      out.text(record)
      out.uint(version)
    })
  writeRegisters(out, records, nothing)
}

export const decodeWrite = (from: FrameReader, flags: number): WriteFrame => {
  const node = from.node()
  const number = from.uint()
  const conditions = flags & CONDITIONS ? from.list(() => [from.text(), from.uint()] as const) : NONE
  return { type: 'write', node, number, atomic: !!(flags & ATOMIC), conditions, records: readRegisters(from, nothing) }
}

/** The write that was kept as its frame, in base64url: the versions of anywire that come later must be able to read it. @throws Error where it is none */
export const decodeKept = (text: unknown): WriteFrame => {
  if (typeof text !== 'string') return malformed()
  const from = new FrameReader(fromBase64(text))
  const head = from.byte()
  return isWrite(head) ? decodeWrite(from, head) : malformed()
}
