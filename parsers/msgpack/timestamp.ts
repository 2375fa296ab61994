/** MessagePack's timestamp: seconds since 1970 and nanoseconds, in 4, 8 or 12 bytes, whichever is the shortest. */
export const fromDate = (date: Date): Uint8Array => {
  const time = date.getTime()
  if (Number.isNaN(time)) throw new TypeError('an invalid Date')
  const seconds = Math.floor(time / 1000)
  const nanoseconds = (time - seconds * 1000) * 1e6
  const bytes = new Uint8Array(seconds < 0 || seconds >= 2 ** 34 ? 12 : nanoseconds || seconds >= 2 ** 32 ? 8 : 4)
  const view = new DataView(bytes.buffer)
  if (bytes.length === 4) view.setUint32(0, seconds)
  else if (bytes.length === 8) view.setBigUint64(0, (BigInt(nanoseconds) << 34n) | BigInt(seconds))
  else {
    view.setUint32(0, nanoseconds)
    view.setBigInt64(4, BigInt(seconds))
  }
  return bytes
}

/** Less than a millisecond is cut off. */
export const toDate = (bytes: Uint8Array): Date => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const [seconds, nanoseconds] = read(view)
  const date = new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6))
  if (nanoseconds > 999_999_999 || Number.isNaN(date.getTime())) throw new TypeError('a timestamp out of range')
  return date
}

const read = (view: DataView): readonly [seconds: number, nanoseconds: number] => {
  switch (view.byteLength) {
    case 4:
      return [view.getUint32(0), 0]
    case 8:
      return [Number(view.getBigUint64(0) & (2n ** 34n - 1n)), view.getUint32(0) >>> 2]
    case 12:
      return [Number(view.getBigInt64(4)), view.getUint32(0)]
    default:
      throw new TypeError('a timestamp of a wrong length')
  }
}
