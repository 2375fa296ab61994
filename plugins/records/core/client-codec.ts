import { malformed } from './bytes.ts'
import { decodeDelta, DELTA } from './delta-codec.ts'
import { FrameReader, FrameWriter } from './frame-bytes.ts'
import type { ClientFrame, ServerFrame } from './frame.ts'
import { fromClient, fromServer } from './plain-codec.ts'
import { encodeWrite } from './write-codec.ts'

/*
 * What clients need of codec.ts, and no more: it is part of what browsers load.
 */

/** A frame of a client as bytes. @throws Error where something in it is not what its type says */
export const encodeFrame = (frame: ClientFrame): Uint8Array => {
  const out = new FrameWriter()
  if (frame.type === 'write') encodeWrite(out, frame)
  else fromClient.write(out, frame)
  return out.take()
}

/** The frame of the server that bytes are. @throws Error where they are none */
export const decodeFrame = (bytes: Uint8Array): ServerFrame => {
  const from = new FrameReader(bytes)
  const head = from.byte()
  if (head & DELTA) return decodeDelta(from, head)
  const frame = fromServer.read(from, head)
  return frame && from.isAtEnd ? frame : malformed()
}
