/** Any mask but zero costs a server the same. */
const mask = Buffer.from([0x5a, 0x13, 0xc6, 0x7e])

const TEXT = 1
const PONG = 10
export const CLOSE = 8
export const PING = 9

/** The head of a client's frame of 126 bytes and more, up to 65,535; and of a shorter one. */
export const LONG = 8
const SHORT = 6

/** A client's WebSocket frame. */
function frame(opcode: number, payload: Buffer): Buffer {
  const short = payload.length < 126
  const head = Buffer.from(
    short ? [0x80 | opcode, 0x80 | payload.length] : [0x80 | opcode, 0xfe, payload.length >> 8, payload.length & 255]
  )
  return Buffer.concat([head, mask, payload.map((byte, i) => byte ^ (mask[i & 3] ?? 0))])
}

/** Puts a number of seven digits into a frame that starts at `from`; `at` is where it stands there. */
export const putNumber = (bytes: Buffer, from: number, at: number, number: number): void => {
  const payload = bytes[from + 1] === 0xfe ? LONG : SHORT
  for (let digit = 6, left = number; digit >= 0; digit--, left = Math.floor(left / 10)) {
    const place = at + digit
    bytes[from + place] = (48 + (left % 10)) ^ (mask[(place - payload) & 3] ?? 0)
  }
}

export const text = (data: string): Buffer => frame(TEXT, Buffer.from(data))
export const pong = (payload: Buffer): Buffer => frame(PONG, payload)

/** The head of the request that opens a WebSocket. */
export const upgrade = (host: string, path: string): string =>
  [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    '\r\n'
  ].join('\r\n')
