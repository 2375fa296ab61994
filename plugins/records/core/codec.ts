import { malformed } from './bytes.ts'
import { decodeDelta, DELTA, encodeDelta } from './delta-codec.ts'
import { FrameReader, FrameWriter } from './frame-bytes.ts'
import type { ClientFrame, ServerFrame } from './frame.ts'
import { fromClient, fromServer } from './plain-codec.ts'
import { isQuery } from './query.ts'
import { decodeWrite, encodeWrite, isWrite } from './write-codec.ts'

/*
 * Frames as bytes. The first byte says what the frame is; those that carry records have flags in it, for what is empty most of
 * the time. PROTOCOL.md, "records", has the format.
 */

type Frame = ClientFrame | ServerFrame

/** A frame as bytes. @throws Error where something in it is not what its type says */
export const encodeFrame = (frame: Frame): Uint8Array => {
  const out = new FrameWriter()
  if (frame.type === 'delta') encodeDelta(out, frame)
  else if (frame.type === 'write') encodeWrite(out, frame)
  else if (!fromClient.write(out, frame)) fromServer.write(out, frame)
  return out.take()
}

/** The frame that bytes are, whoever sent it. Who is a client only takes client-codec.ts. @throws Error where they are none */
export const decodeFrame = (bytes: Uint8Array): Frame => {
  const from = new FrameReader(bytes)
  const head = from.byte()
  if (head & DELTA) return decodeDelta(from, head)
  if (isWrite(head)) return decodeWrite(from, head)
  const frame = fromClient.read(from, head) ?? fromServer.read(from, head)
  if (!frame || !from.isAtEnd) return malformed()
  if ('follows' in frame && !frame.follows.every(({ query }) => query === undefined || isQuery(query))) malformed()
  return frame
}
