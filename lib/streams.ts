import type { Connection } from './connection.ts'

/**
 * The values of a connection as a web stream, which asks for one value at a time.
 * @param atEnd - is given what ends the stream, to be called once everything was read
 */
export const toReadable = (connection: Connection, atEnd: (end: () => void) => void): ReadableStream<unknown> => {
  let undo: (() => void) | undefined = () => {}
  return new ReadableStream(
    {
      start: controller =>
        atEnd(() => {
          if (!undo) return
          undo()
          controller.close()
        }),
      pull: controller =>
        new Promise(resolve => {
          undo = connection.once('data', value => {
            controller.enqueue(value)
            resolve()
          })
        }),
      cancel() {
        undo?.()
        undo = undefined
      }
    },
    { highWaterMark: 0 }
  )
}

/** A web stream into a connection. It is full while the connection is. */
export const toWritable = (connection: Connection): WritableStream<unknown> => {
  let goOn = (): void => {}
  connection.on('drain', () => goOn())
  return new WritableStream({
    start: controller =>
      void connection.on('close', ({ reason }) => {
        if (connection.state === 'closed') controller.error(new Error(reason))
        goOn()
      }),
    write: value =>
      connection.write(value) || connection.state === 'closed'
        ? undefined
        : new Promise(resolve => {
            goOn = resolve
          }),
    close: () =>
      new Promise(resolve => {
        connection.once('close', () => resolve())
        connection.end()
      }),
    abort: () => connection.destroy()
  })
}
