import { malformed } from './bytes.ts'
import { encodeDelta } from './delta-codec.ts'
import { FrameReader, FrameWriter } from './frame-bytes.ts'
import { ADVICE, NOTICES } from './frame.ts'
import type { ClientFrame, FollowFrame, ServerFrame } from './frame.ts'
import { isQuery } from './query.ts'
import type { Query } from './query.ts'
import { readValue } from './value-codec.ts'
import { decodeWrite, isWrite } from './write-codec.ts'

/* What the server needs of the format: it writes what it says, and reads what a client says. client-codec.ts is the other half. */

/** A frame of the server as bytes. @throws Error where something in it is not what its type says */
export const encodeFrame = (frame: ServerFrame): Uint8Array => {
  const out = new FrameWriter()
  switch (frame.type) {
    case 'delta':
      encodeDelta(out, frame)
      break
    case 'welcome':
      out.byte(16)
      out.text(frame.epoch)
      out.float(frame.asked)
      out.float(frame.time)
      out.uint(frame.maxValue)
      out.uint(frame.maxFrame)
      break
    case 'mismatch':
      out.byte(17)
      out.byte(ADVICE.indexOf(frame.advice))
      out.uint(frame.min)
      out.uint(frame.max)
      break
    case 'pong':
      out.byte(18)
      out.float(frame.asked)
      out.float(frame.time)
      break
    case 'notice':
      out.byte(19)
      out.byte(NOTICES.indexOf(frame.what))
      out.uint(frame.number)
  }
  return out.take()
}

const readQuery = (from: FrameReader): Query => {
  const query: unknown = readValue(from)
  return isQuery(query) ? query : malformed()
}

const readFollows = (from: FrameReader): Omit<FollowFrame, 'type'> => ({
  follows: from.list(() => ({
    scope: from.uint(),
    name: from.text(),
    query: from.byte() ? readQuery(from) : undefined,
    epoch: from.text(),
    since: from.uint(),
    digest: from.uint()
  })),
  ...(!from.isAtEnd && { behind: from.numbered() })
})

const decodeOther = (from: FrameReader, head: number): ClientFrame => {
  switch (head) {
    case 0:
      return {
        type: 'hello',
        version: from.uint(),
        secret: from.text(),
        schema: from.byte() ? { id: from.text(), version: from.uint() } : undefined,
        asked: from.float(),
        nodes: from.list(() => from.numbered()),
        ...readFollows(from)
      }
    case 1:
      return { type: 'follow', ...readFollows(from) }
    case 2:
      return { type: 'unfollow', scopes: from.list(() => from.uint()) }
    case 3: {
      const [node, number] = from.numbered()
      return { type: 'confirm', node, number }
    }
    case 4:
      return { type: 'ping', asked: from.float() }
    case 5:
      return { type: 'nodes', nodes: from.list(() => from.numbered()) }
  }
  return malformed()
}

/** The frame of a client that bytes are. @param from - reads them. @throws Error where they are none */
export const decodeFrame = (bytes: Uint8Array, from = new FrameReader(bytes)): ClientFrame => {
  const head = from.byte()
  const frame = isWrite(head) ? decodeWrite(from, head) : decodeOther(from, head)
  return from.isAtEnd ? frame : malformed()
}
