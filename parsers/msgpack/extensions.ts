import { Decoder, decodeTimestampExtension, Encoder, encodeTimestampExtension, ExtData } from '@msgpack/msgpack'

// The types, as docs/parsers/msgpack.md describes them; a view has VIEW and its place in the list.
const DATE = -1
export const UNDEFINED = 0
export const MAP = 1
export const SET = 2
export const TEXT = 3
const BUFFER = 16
const VIEW = 17
const views: readonly (new (buffer: ArrayBuffer) => ArrayBufferView)[] = [
  DataView,
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array
]

/** Throws for what is not UTF-8, and keeps byte order marks. */
export const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** An extension of ours: one that somebody wrote is an object like any other. */
export class Extension extends ExtData {}

const toMap = (items: readonly unknown[]): Map<unknown, unknown> => {
  const map = new Map<unknown, unknown>()
  for (let index = 0; index < items.length; index += 2) map.set(items[index], items[index + 1])
  return map
}

/** The content is a part of the message; what is made of it is not, so that wide elements are aligned. */
const fromExtension = (bytes: Uint8Array, type: number): unknown => {
  if (type === DATE) {
    const date = decodeTimestampExtension(bytes)
    if (Number.isNaN(date.getTime())) throw new TypeError('a date out of range')
    return date
  }
  if (type === UNDEFINED) return undefined
  if (type === TEXT) return utf8.decode(bytes)
  if (type === SET) return new Set(decodeItems(bytes))
  if (type === MAP) return toMap(decodeItems(bytes))
  const { buffer } = new Uint8Array(bytes)
  if (type === BUFFER) return buffer
  const view = views[type - VIEW]
  if (!view) throw new TypeError('an unknown extension')
  return new view(buffer)
}

export const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** An extension for an object of a class that has one. */
export const toExtension = (value: object): Extension | undefined => {
  if (value instanceof ArrayBuffer) return new Extension(BUFFER, new Uint8Array(value))
  if (value instanceof Date && !Number.isNaN(value.getTime())) {
    return new Extension(DATE, encodeTimestampExtension(value) ?? new Uint8Array())
  }
  const type = views.findIndex(view => value instanceof view)
  return ArrayBuffer.isView(value) && type >= 0 ? new Extension(VIEW + type, bytesOf(value)) : undefined
}

const extensionCodec = {
  tryToEncode: (value: unknown) => (value instanceof Extension ? value : null),
  decode: fromExtension
}

/** 64 bits are a bigint on both ways: the library writes numbers of more than 32 bits as floats then. */
const options = { extensionCodec, useBigInt64: true, maxDepth: Infinity }

/** One for each level of maps and sets in each other: a decoder that is busy would make a new one for every collection. */
const decoders: Decoder[] = []
let level = 0

const decodeItems = (bytes: Uint8Array): unknown[] => {
  const decoder = (decoders[level++] ??= new Decoder(options))
  try {
    return [...decoder.decodeMulti(bytes)]
  } finally {
    level--
  }
}

export const decoder = new Decoder(options)

let encoder = new Encoder(options)

/** An encoder keeps its memory for the next message, unless that is more than this many bytes. */
const KEPT = 65_536

export const toMessage = (value: unknown): Uint8Array => {
  const message = encoder.encode(value)
  if (message.length > KEPT) encoder = new Encoder(options)
  return message
}
