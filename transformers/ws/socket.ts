import type { WebSocket } from 'ws'
import type { Receiver } from '../../lib/transformer.ts'

/** A frame longer than a number can say, a message longer than the limit. */
const TOO_LARGE: ReadonlySet<unknown> = new Set([
  'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
  'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
])

/** Tells a receiver what a WebSocket of the `ws` package hears, and its end. */
export const listen = (ws: WebSocket, receiver: Receiver): void => {
  let error: (Error & { code?: string }) | undefined
  ws.on('message', (data: Buffer, isBinary: boolean) => {
    receiver.message(isBinary ? new Uint8Array(data.buffer, data.byteOffset, data.length) : data.toString())
  })
  ws.on('error', cause => {
    error = cause
  })
  ws.on('close', (code, reason) => {
    // `ws` does not wait for an answer to this goodbye, and tells 1006.
    const tooLarge = TOO_LARGE.has(error?.code)
    receiver.close(tooLarge ? 1009 : code, reason.toString(), error)
  })
}
