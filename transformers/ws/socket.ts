import type { WebSocket } from 'ws'
import type { Receiver } from '../../lib/transformer.ts'

/** Tells a receiver what a WebSocket of the `ws` package hears, and its end. */
export const listen = (ws: WebSocket, receiver: Receiver): void => {
  let error: Error | undefined
  ws.on('message', (data: Buffer, isBinary: boolean) => {
    receiver.message(isBinary ? new Uint8Array(data.buffer, data.byteOffset, data.length) : data.toString())
  })
  ws.on('error', cause => {
    error = cause
  })
  ws.on('close', (code, reason) => receiver.close(code, reason.toString(), error))
}
