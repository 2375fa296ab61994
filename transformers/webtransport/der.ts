/*
 * What is needed of DER, the encoding of certificates: X.690, sections 8 and 10.
 */

/** One element: a tag, a length, and what is in it. */
const element = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => element(0x30, ...parts)
export const set = (...parts: readonly Uint8Array[]): Buffer => element(0x31, ...parts)
/** Element `number` of a choice, or one that is named by its context. `whole`: it has elements in it. */
export const tagged = (number: number, content: Uint8Array, whole = false): Buffer =>
  element((whole ? 0xa0 : 0x80) + number, content)
export const boolean = (value: boolean): Buffer => element(0x01, Buffer.from([value ? 255 : 0]))
/** A number that is not negative, as its bytes. */
export const integer = (bytes: Uint8Array): Buffer =>
  element(0x02, (bytes[0] ?? 0) > 127 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes)
export const bits = (bytes: Uint8Array, unused = 0): Buffer => element(0x03, Buffer.from([unused]), bytes)
export const octets = (bytes: Uint8Array): Buffer => element(0x04, bytes)
export const utf8 = (text: string): Buffer => element(0x0c, Buffer.from(text))
/** To the second, before 2050. */
export const time = (date: Date): Buffer =>
  element(0x17, Buffer.from(`${date.toISOString().replace(/\D/g, '').slice(2, 14)}Z`))

/** An object identifier: 1.2.840.10045.2.1 */
export const identifier = (name: string): Buffer => {
  const [first = 0, second = 0, ...others] = name.split('.').map(Number)
  const bytes = [first * 40 + second, ...others].flatMap(number => {
    const digits = [number & 127]
    for (let rest = number >>> 7; rest > 0; rest >>>= 7) digits.unshift((rest & 127) | 128)
    return digits
  })
  return element(0x06, Buffer.from(bytes))
}
