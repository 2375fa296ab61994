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
import { list, node, number, oneOf, optional, pair, struct, table, text, uint } from './part.ts'
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

type Bare<F> = Omit<F, 'type'>

/** Those of clients. */
export const fromClient = table<Exclude<ClientFrame, WriteFrame>>(0, {
  hello: struct<Bare<Hello>>({
    version: uint,
    secret: text,
    schema: optional(struct<SchemaVersion>({ id: text, version: uint })),
    asked: number,
    nodes: list(pair(node, uint)),
    follows
  }),
  follow: struct<Bare<FollowFrame>>({ follows }),
  unfollow: struct<Bare<Unfollow>>({ scopes: list(uint) }),
  confirm: struct<Bare<Confirm>>({ node, number: uint }),
  ping: struct<Bare<Ping>>({ asked: number })
})

/** Those of the server. */
export const fromServer = table<Exclude<ServerFrame, Delta>>(16, {
  welcome: struct<Bare<Welcome>>({
    epoch: text,
    asked: number,
    time: number,
    maxValue: uint,
    maxFrame: uint
  }),
  mismatch: struct<Bare<Mismatch>>({ advice: oneOf('upgrade', 'wait'), min: uint, max: uint }),
  pong: struct<Bare<Pong>>({ asked: number, time: number }),
  notice: struct<Bare<Notice>>({ what: oneOf('versionchange', 'bye'), version: uint })
})
