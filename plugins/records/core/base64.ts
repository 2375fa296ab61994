/*
 * Bytes as text that is safe in JSON, URLs and names: base64url without padding (RFC 4648). By hand, because nodes are written
 * and read in every frame, and what browsers have for it is slow for eight bytes.
 */
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** By character code; what is no digit is 0. */
const values = new Uint8Array(128)
for (let value = 0; value < 64; value++) values[DIGITS.charCodeAt(value)] = value

export const toBase64 = (bytes: Uint8Array): string => {
  let text = ''
  let held = 0
  let bits = 0
  for (let at = 0; at < bytes.length; at++) {
    held = (held << 8) | (bytes[at] ?? 0)
    for (bits += 8; bits >= 6; bits -= 6) text += DIGITS[(held >> (bits - 6)) & 63]
  }
  return bits ? text + DIGITS[(held << (6 - bits)) & 63] : text
}

/** Never throws: what is no base64url is some bytes. */
export const fromBase64 = (text: string): Uint8Array => {
  const bytes = new Uint8Array((text.length * 3) >> 2)
  let held = 0
  for (let at = 0, length = 0; at < text.length; at++) {
    held = (held << 6) | (values[text.charCodeAt(at)] ?? 0)
    // Four characters are three bytes: all but each first one complete a byte.
    if (at % 4) bytes[length++] = held >> (6 - 2 * (at % 4))
  }
  return bytes
}
