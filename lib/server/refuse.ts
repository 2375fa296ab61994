import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'

/** Answers an upgrade request with an HTTP status, and closes. */
export const refuse = (socket: Duplex, status: number, reason = STATUS_CODES[status] ?? ''): void => {
  socket.on('error', () => socket.destroy())
  // Nobody reads it any more, so nobody would hear that the other end closed it.
  socket.once('finish', () => socket.destroy())
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
      `Content-Length: ${Buffer.byteLength(reason)}\r\n\r\n${reason}`
  )
}
