import type { Connection, ConnectionEvents, Listenable } from '../../lib/connection.ts'
import type { Events } from '../../lib/emitter.ts'
import type { Server, ServerEvents } from '../../lib/server/server.ts'

/** The arguments of the next `event`. Ask before what causes it. */
export function next<K extends keyof ConnectionEvents>(source: Connection, event: K): Promise<ConnectionEvents[K]>
export function next<K extends keyof ServerEvents>(source: Server, event: K): Promise<ServerEvents[K]>
export function next<E extends Events<E>, K extends keyof E & string>(source: Listenable<E>, event: K): Promise<E[K]>
export function next(
  source: { once(event: string, listener: (...args: unknown[]) => void): unknown },
  event: string
): Promise<unknown[]> {
  return new Promise(resolve => source.once(event, (...args) => resolve(args)))
}

/** The next `count` values of a connection. Later ones stay for the next call. */
export const take = (connection: Connection, count: number): Promise<unknown[]> =>
  new Promise(resolve => {
    const values: unknown[] = []
    if (count === 0) return resolve(values)
    const undo = connection.on('data', value => {
      if (values.push(value) < count) return
      undo()
      // Without a listener the rest waits; with one taken away in mid-delivery nothing may be lost either.
      resolve(values)
    })
  })

/** So many turns of the event loop, for what must not happen to have its chance. */
export const turns = async (count = 3): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise(resolve => setImmediate(resolve))
}

/** Waits, turn by turn, until a condition holds; a second and more, as a busy machine takes. */
export const until = async (condition: () => boolean, what: string): Promise<void> => {
  const deadline = performance.now() + 20_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`in vain: ${what}`)
    await turns(1)
  }
}
