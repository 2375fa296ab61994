/** Node streams over a connection. */
import { Duplex } from 'node:stream'
import type { Connection } from './lib/connection.ts'

/**
 * A Duplex in object mode over either end of a connection. Backpressure holds both ways; ending it ends the connection after
 * what was written, destroying it destroys the connection. As `null` ends a Node stream, the value `null` arrives as
 * `undefined`. It takes the connection's values for itself: it reads `connection.readable`.
 * @example
 * pipeline(duplex(peer), transform, duplex(peer), callback)
 */
export const duplex = (connection: Connection): Duplex => {
  const reader = connection.readable.getReader()
  const stream = new Duplex({
    objectMode: true,
    read() {
      reader.read().then(
        ({ done, value }) => stream.push(done ? null : (value ?? undefined)),
        (error: unknown) => stream.destroy(error instanceof Error ? error : new Error(`${error}`))
      )
    },
    write(value, _encoding, callback) {
      let room: boolean
      try {
        room = connection.write(value)
      } catch (error) {
        return callback(error instanceof Error ? error : new Error(`${error}`))
      }
      if (room || connection.state === 'closed') return callback()
      const undos = [connection.on('drain', goOn), connection.on('close', goOn)]
      function goOn(): void {
        for (const undo of undos) undo()
        callback()
      }
    },
    final(callback) {
      if (connection.state === 'closed') return callback()
      connection.once('close', () => callback())
      connection.end()
    },
    destroy(error, callback) {
      if (connection.state !== 'closed') connection.destroy()
      callback(error)
    }
  })
  connection.on('close', () => {
    if (connection.state === 'closed') stream.end()
  })
  return stream
}
export type * from './lib/types.ts'
