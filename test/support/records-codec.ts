import * as client from '../../plugins/records/core/client-codec.ts'
import type { ClientFrame, ServerFrame } from '../../plugins/records/core/frame.ts'
import * as server from '../../plugins/records/core/server-codec.ts'

type Frame = ClientFrame | ServerFrame

const isServers = (frame: Frame): frame is ServerFrame =>
  ['welcome', 'mismatch', 'delta', 'pong', 'notice'].includes(frame.type)

/** A frame as bytes, whoever sends it. @throws Error */
export const encodeFrame = (frame: Frame): Uint8Array =>
  isServers(frame) ? server.encodeFrame(frame) : client.encodeFrame(frame)

/** The frame that bytes are, whoever sent it. @throws Error */
export const decodeFrame = (bytes: Uint8Array): Frame => {
  const [head = 0] = bytes
  return head >= 0x80 || (head >= 16 && head < 0x40) ? client.decodeFrame(bytes) : server.decodeFrame(bytes)
}
