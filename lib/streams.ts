import type { Connection, End } from './connection.ts'
import type { Pipeline } from './pipeline.ts'

/**
 * The values of a connection as a web stream, which asks for one value at a time.
 * @param queue - of the values that can be read, and then the end
 */
export const toReadable = (connection: Connection, queue: Pipeline): ReadableStream<unknown> => {
  let undo = (): void => {}
  return new ReadableStream(
    {
      start(controller) {
        const end = (): unknown => {
          if (connection.state !== 'closed') return connection.once('close', end)
          return queue.after(() => {
            undo()
            try {
              controller.close()
            } catch {
              // Nobody reads any more.
            }
          })
        }
        end()
      },
      pull: controller =>
        new Promise(resolve => {
          undo = connection.once('data', value => {
            controller.enqueue(value)
            resolve()
          })
        }),
      cancel() {
        undo()
      }
    },
    { highWaterMark: 0 }
  )
}

/** Reads a stream to its end, and leaves it to others where somebody stops before. */
export async function* iterate(stream: ReadableStream<unknown>): AsyncGenerator<unknown, void, undefined> {
  const reader = stream.getReader()
  try {
    for (let result; !(result = await reader.read()).done;) yield result.value
  } finally {
    reader.releaseLock()
  }
}

/** A web stream into a connection. It is full while the connection is. */
export const toWritable = (connection: Connection): WritableStream<unknown> => {
  let goOn = (): void => {}
  return new WritableStream({
    start(controller) {
      const end = (told?: End): unknown => {
        if (connection.state !== 'closed') return connection.once('close', end)
        controller.error(new Error(told?.reason))
        return goOn()
      }
      end()
    },
    write: value =>
      connection.write(value) || connection.state === 'closed'
        ? undefined
        : new Promise(resolve => {
            goOn = resolve
            connection.once('drain', resolve)
          }),
    close: () =>
      new Promise(resolve => {
        connection.once('close', () => resolve())
        connection.end()
      }),
    abort: () => connection.destroy()
  })
}
