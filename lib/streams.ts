import type { Connection } from './connection.ts'

/** Takes a value, or the news that there will be none. */
export type Taker = (result: IteratorResult<unknown, undefined>) => void

/** The values of a connection as a web stream, which asks `take` for one value at a time; undefined takes the question back. */
export const toReadable = (take: (taker: Taker | undefined) => void): ReadableStream<unknown> =>
  new ReadableStream(
    {
      pull: controller =>
        new Promise(resolve =>
          take(({ done, value }) => {
            if (done) controller.close()
            else controller.enqueue(value)
            resolve()
          })
        ),
      cancel: () => take(undefined)
    },
    { highWaterMark: 0 }
  )

/** A web stream into a connection. It is full while the connection is. */
export const toWritable = (connection: Connection): WritableStream<unknown> =>
  new WritableStream({
    start(controller) {
      connection.on('close', ({ reason }) => {
        if (connection.state === 'closed') controller.error(new Error(reason))
      })
    },
    async write(value) {
      if (connection.write(value) || connection.state === 'closed') return
      await new Promise<void>(resolve => {
        const undos = [connection.on('drain', goOn), connection.on('close', goOn)]
        function goOn(): void {
          for (const undo of undos) undo()
          resolve()
        }
      })
    },
    close: () =>
      new Promise(resolve => {
        connection.once('close', () => resolve())
        connection.end()
      }),
    abort: () => connection.destroy()
  })
