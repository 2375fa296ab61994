import { toBase64 } from '../core/base64.ts'
import { encodeFrame } from '../core/client-codec.ts'
import type { SchemaVersion, WriteFrame } from '../core/frame.ts'
import { decodeKept } from '../core/write-codec.ts'
import { Entry } from './entry.ts'
import { makeKey } from './make-key.ts'
import type { WriteId } from './outbox.ts'
import type { Cursor } from './scope.ts'

/** 64 random bits as base64url. Each process has its own, so that a number never stands for two writes, whatever is copied. */
export const makeNode = (): string => makeKey(8)

/** 128 random bits as text. Each storage has its own, which proves that nodes are its own: those are no secret. */
export const makeSecret = (): string => makeKey(16)

/*
 * What a replica keeps in its store beside the registers of records:
 * - `node/<node>`: [epoch, since]: how far the process that has the node has what it follows
 * - `outbox/<node>/<number>`: [frame, wall, floor]: a write that waits as its bytes on the wire, in base64url, and of its `Moment` what outlives the process
 * - `damaged/outbox/<node>/<number>`: what stood there and could not be read
 * - `cursor/<key of a scope>`: [epoch, since], or the node of the process that follows it: then it is as far as that
 * - `secret`: text that proves that nodes are of this storage
 * - `offset`: milliseconds that the device's clock is behind
 * - `identity`: what stands for whose state all of it is, where the server says so
 */
export const NODE = 'node/'
export const OUTBOX = 'outbox/'
export const DAMAGED = 'damaged/'
export const CURSOR = 'cursor/'
export const OFFSET = 'offset'
export const IDENTITY = 'identity'
export const SECRET = 'secret'

/** The schema that all in the store is of. */
export const META = 'meta'

export const keyOfEntry = ({ node, number }: WriteId): string => `${OUTBOX}${node}/${String(number).padStart(16, '0')}`

export const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)

const isNumber = (value: unknown): value is number => typeof value === 'number'

const toCursor = (epoch: unknown, since: unknown): Cursor | undefined =>
  typeof epoch === 'string' && epoch && isNumber(since) ? { epoch, since } : undefined

export type Nodes = ReadonlyMap<string, readonly unknown[]>

/** How far processes have what they follow, by their nodes. */
export const nodesOf = (entries: readonly (readonly [key: string, value: unknown])[]): Nodes =>
  new Map(entries.map(([key, value]) => [key.slice(NODE.length), toList(value)]))

/** How far a scope is by its entry. */
export const cursorOf = (value: unknown, nodes: Nodes): Cursor | undefined => {
  const [epoch, since] = Array.isArray(value) ? toList(value) : (nodes.get(String(value)) ?? [])
  return toCursor(epoch, since)
}

export const toList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** A write as `decodeKept` reads it. Entries are JSON, which has no bytes. */
export const encodeKept = (frame: WriteFrame): string => toBase64(encodeFrame(frame))

/** The write that an entry of the outbox is. @throws Error where it is none */
export const toEntry = (value: unknown): Entry => {
  const [frame, wall, floor] = toList(value)
  const { node, number, records, atomic, conditions } = decodeKept(frame)
  const moment = isNumber(wall) && isNumber(floor) ? { monotonic: undefined, wall, known: undefined, floor } : undefined
  const entry = new Entry(node, number, records, { atomic, conditions }, moment)
  entry.keep()
  entry.isVoid = !records.length
  return entry
}

/** What stands for a write that cannot be read: those behind it need its number. */
export const toBlank = (key: string): Entry => {
  const [, node = '', number] = key.split('/')
  const entry = new Entry(node, Number(number), [], {}, undefined)
  entry.keep()
  entry.isVoid = true
  return entry
}

export const isSchema = (value: unknown): value is SchemaVersion =>
  typeof value === 'object' && value !== null && 'id' in value && 'version' in value
