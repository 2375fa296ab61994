import type { Run } from '../../lib/run.ts'
import type { Data } from '../../lib/transformer.ts'
import { BYTES, HEAD, TEXT } from './frame.ts'

const lengthOf = (data: Data): number => (typeof data === 'string' ? Buffer.byteLength(data) : data.length)

/** The frames of a run, one behind the other: one chunk, the same for all connections that are sent the run. */
export const frameRun = (run: Run): Uint8Array => {
  const messages = run.messages()
  const target = Buffer.allocUnsafe(messages.reduce((size, data) => size + HEAD + lengthOf(data), 0))
  let offset = 0
  for (const data of messages) {
    const isText = typeof data === 'string'
    const length = lengthOf(data)
    offset = target.writeUInt32BE(length * 4 + (isText ? TEXT : BYTES), offset)
    if (isText) target.write(data, offset, length, length === data.length ? 'latin1' : 'utf8')
    else target.set(data, offset)
    offset += length
  }
  return target
}
