import { malformed } from './bytes.ts'
import { FrameReader } from './frame-bytes.ts'
import type { FrameWriter } from './frame-bytes.ts'
import type { WriteFrame } from './frame.ts'
import { list, pair, sparse, text, uint } from './part.ts'
import { readRegisters, writeRegisters } from './register-codec.ts'

const WRITE = 0x40

/** Whether a frame with this first byte is a write. */
export const isWrite = (head: number): boolean => head >> 6 === 1

const ATOMIC = 2

const lists = sparse<Pick<WriteFrame, 'conditions'>>({ conditions: list(pair(text, uint)) })
const nothing = (): void => {}

export const encodeWrite = (out: FrameWriter, frame: WriteFrame): void => {
  out.byte(WRITE | (frame.atomic ? ATOMIC : 0) | lists.flags(frame))
  out.node(frame.node)
  out.uint(frame.number)
  lists.write(out, frame)
  writeRegisters(out, frame.records, nothing)
}

export const decodeWrite = (from: FrameReader, flags: number): WriteFrame => {
  const node = from.node()
  const number = from.uint()
  const { conditions } = lists.read(from, flags)
  return { type: 'write', node, number, atomic: !!(flags & ATOMIC), conditions, records: readRegisters(from, nothing) }
}

/** The write that was kept as its frame: the versions of anywire that come later must be able to read it. @throws Error where it is none */
export const decodeKept = (bytes: unknown): WriteFrame => {
  if (!(bytes instanceof Uint8Array)) return malformed()
  const from = new FrameReader(bytes)
  const head = from.byte()
  return isWrite(head) ? decodeWrite(from, head) : malformed()
}
