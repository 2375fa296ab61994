/** Strings of fewer bytes are read here, longer ones by the platform, which takes a while to start. */
export const SHORT = 24

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @throws TypeError for bytes that are not UTF-8. */
export const longText = (bytes: Uint8Array, start: number, end: number): string =>
  utf8.decode(bytes.subarray(start, end))

export const shortText = (bytes: Uint8Array, start: number, end: number): string => {
  let text = ''
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0
    if (byte > 127) return longText(bytes, start, end)
    text += String.fromCharCode(byte)
  }
  return text
}

/** The ASCII keys seen last, by a hash: messages have the same few again and again, and what is here is not made anew. */
const known: string[] = Array.from({ length: 512 }, () => '')

const isAt = (bytes: Uint8Array, start: number, text: string): boolean => {
  for (let index = 0; index < text.length; index++) {
    if (bytes[start + index] !== text.charCodeAt(index)) return false
  }
  return true
}

export const shortKey = (bytes: Uint8Array, start: number, end: number): string => {
  let hash = 0
  for (let at = start; at < end; at++) hash = (hash * 31 + (bytes[at] ?? 0)) | 0
  const slot = hash & (known.length - 1)
  const candidate = known[slot] ?? ''
  if (candidate.length === end - start && isAt(bytes, start, candidate)) return candidate
  const key = shortText(bytes, start, end)
  if (key.length === end - start) known[slot] = key
  return key
}
