import type { Value } from '../../../lib/store.ts'
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
  SchemaVersion,
  ServerFrame,
  Unfollow,
  Welcome,
  WriteFrame
} from './frame.ts'
import { fixed, list, node, number, oneOf, optional, struct, table, text, uint } from './part.ts'
import type { Part } from './part.ts'
import type { Query } from './query.ts'
import { readValue, writeValue } from './value-codec.ts'

/* Frames without records. Their order is that of the numbers in their first byte. */

const query: Part<Query | undefined> = optional({
  // What is undefined in it is not written.
  write: (out, value) => writeValue(out, value as { readonly [key: string]: Value }),
  // Who reads the frames of clients checks it; clients never read one.
  read: from => readValue(from) as Query
})

const follows = list(struct<Follow>({ scope: uint, name: text, query, epoch: text, since: uint, digest: uint }))

/** Those of clients. */
export const fromClient = table<Exclude<ClientFrame, WriteFrame>>(0, {
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
  ping: struct<Ping>({ type: fixed('ping'), asked: number })
})

/** Those of the server. */
export const fromServer = table<Exclude<ServerFrame, Delta>>(16, {
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
})
