import type { Value } from '../../../lib/store.ts'
import { malformed } from './bytes.ts'
import { decodeDelta, DELTA } from './delta-codec.ts'
import { FrameReader, FrameWriter } from './frame-bytes.ts'
import { ADVICE, NOTICES } from './frame.ts'
import type { ClientFrame, FollowFrame, Hello, ServerFrame } from './frame.ts'
import { writeValue } from './value-codec.ts'
import { encodeWrite } from './write-codec.ts'

/*
 * What clients need of the format, and no more, as it is part of what browsers load: they write what a client says, and read what
 * the server says. server-codec.ts is the other half.
 */

const writeFollows = (out: FrameWriter, { follows, behind }: Omit<FollowFrame, 'type'>): void => {
  out.list(follows, ({ scope, name, query, epoch, since, digest }) => {
    out.uint(scope)
    out.text(name)
    out.byte(query ? 1 : 0)
    // What is undefined in it is not written.
    if (query) writeValue(out, query as { readonly [key: string]: Value })
    out.text(epoch)
    out.uint(since)
    out.uint(digest)
  })
  if (behind) out.numbered(...behind)
}

const writeNodes = (out: FrameWriter, nodes: Hello['nodes']): void =>
  out.list(nodes, ([node, number]) => out.numbered(node, number))

/** A frame of a client as bytes. @throws Error where something in it is not what its type says */
export const encodeFrame = (frame: ClientFrame): Uint8Array => {
  const out = new FrameWriter()
  switch (frame.type) {
    case 'write':
      encodeWrite(out, frame)
      break
    case 'hello': {
      const { version, secret, schema, asked, nodes } = frame
      out.byte(0)
      out.uint(version)
      out.text(secret)
      out.byte(schema ? 1 : 0)
      if (schema) {
        out.text(schema.id)
        out.uint(schema.version)
      }
      out.float(asked)
      writeNodes(out, nodes)
      writeFollows(out, frame)
      break
    }
    case 'follow':
      out.byte(1)
      writeFollows(out, frame)
      break
    case 'unfollow':
      out.byte(2)
      out.list(frame.scopes, scope => out.uint(scope))
      break
    case 'confirm':
      out.byte(3)
      out.numbered(frame.node, frame.number)
      break
    case 'ping':
      out.byte(4)
      out.float(frame.asked)
      break
    case 'nodes':
      out.byte(5)
      writeNodes(out, frame.nodes)
  }
  return out.take()
}

const decodeOther = (from: FrameReader, head: number): ServerFrame => {
  switch (head) {
    case 16:
      return {
        type: 'welcome',
        epoch: from.text(),
        asked: from.float(),
        time: from.float(),
        maxValue: from.uint(),
        maxFrame: from.uint()
      }
    case 17:
      // One of a later server is none of those that this client may go on with either.
      return { type: 'mismatch', advice: ADVICE[from.byte()] ?? 'other', min: from.uint(), max: from.uint() }
    case 18:
      return { type: 'pong', asked: from.float(), time: from.float() }
    case 19:
      return { type: 'notice', what: NOTICES[from.byte()] ?? malformed(), number: from.uint() }
  }
  return malformed()
}

/** The frame of the server that bytes are. @throws Error where they are none */
export const decodeFrame = (bytes: Uint8Array): ServerFrame => {
  const from = new FrameReader(bytes)
  const head = from.byte()
  const frame = head & DELTA ? decodeDelta(from, head) : decodeOther(from, head)
  return from.isAtEnd ? frame : malformed()
}
