import type { Connection } from './connection.ts'

/** The values of a connection as a web stream. It takes a value only when one is asked for. */
export const toReadable = (connection: Connection): ReadableStream<unknown> => {
  const values = connection[Symbol.asyncIterator]()
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await values.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await values.return?.()
      }
    },
    { highWaterMark: 0 }
  )
}

/** A web stream into a connection. It is full while the connection is. */
export const toWritable = (connection: Connection): WritableStream<unknown> =>
  new WritableStream({
    start(controller) {
      connection.once('close', ({ code, reason }) => controller.error(new Error(`${code} ${reason}`)))
    },
    write(value) {
      if (connection.write(value)) return
      return new Promise(resolve => {
        const undo = [connection.once('drain', done), connection.once('close', done)]
        function done(): void {
          for (const end of undo) end()
          resolve()
        }
      })
    },
    close: () => connection.end(),
    abort: () => connection.destroy()
  })
