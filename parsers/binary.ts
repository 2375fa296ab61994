/** A value that is bytes. */
export type Binary = ArrayBufferView | ArrayBuffer

interface View {
  new (buffer: ArrayBuffer): ArrayBufferView
  readonly name: string
  readonly BYTES_PER_ELEMENT?: number
}

/** The views that come back as what they are. JSON containers call them by name, MessagePack by place in this list. */
export const views: readonly View[] = [
  Uint8Array,
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

export const isBinary = (value: object): value is Binary => ArrayBuffer.isView(value) || value instanceof ArrayBuffer

/** The built-in class of an object: `Uint8Array` (for a Buffer too), `Map`, `Object` … */
export const className = (value: object): string => Object.prototype.toString.call(value).slice(8, -1)

/** The memory of a value as bytes, not copied. */
export const bytesOf = (value: Binary): Uint8Array =>
  ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value)

/** Whether this machine keeps the greatest byte of a number first. Wires keep it last. */
const bigEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 0

/**
 * Bytes turned from this machine's order into the wire's, or back: the same ones, if there is nothing to turn.
 * @param size - bytes per element.
 * @param swap - for tests.
 */
export const toWireOrder = (bytes: Uint8Array, size = 1, swap = bigEndian): Uint8Array => {
  if (!swap) return bytes
  const copy = new Uint8Array(bytes)
  for (let at = 0; at < copy.length; at += size) copy.subarray(at, at + size).reverse()
  return copy
}

const findView = (kind: unknown): View | undefined => views.find(view => view.name === kind)

/** The bytes of a kind of value as the wire has them, not always copied. */
export const toBytes = (kind: string, value: Binary): Uint8Array =>
  toWireOrder(bytesOf(value), findView(kind)?.BYTES_PER_ELEMENT)

/**
 * The value that bytes of a message stand for. A Uint8Array is a view of the message; the others are copies, because
 * wide elements must be aligned.
 * @throws TypeError for an unknown kind, RangeError for bytes that do not fill the last element.
 */
export const fromBytes = (kind: unknown, bytes: Uint8Array): Binary => {
  if (kind === 'Uint8Array') return bytesOf(bytes)
  const view = findView(kind)
  const { buffer } = new Uint8Array(toWireOrder(bytes, view?.BYTES_PER_ELEMENT))
  if (view) return new view(buffer)
  if (kind === 'ArrayBuffer') return buffer
  throw new TypeError('bytes of an unknown kind')
}
