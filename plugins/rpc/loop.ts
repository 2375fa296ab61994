import { Emitter } from '../../lib/emitter.ts'
import type { Lane, LaneEvents } from '../../lib/lane.ts'
import { print } from '../../lib/print.ts'
import type { Peer } from '../../lib/server/peer.ts'
import { call } from './call.ts'
import { makeExchange } from './exchange.ts'
import type { End } from './exchange.ts'
import type { CallOptions } from './remote.ts'
import type { Run } from './run.ts'

/** A lane whose other end is its own. */
class Loop extends Emitter<LaneEvents> implements Lane {
  readonly connected = true
  readonly #peer: Peer

  constructor(peer: Peer) {
    super()
    this.#peer = peer
  }

  write(value: unknown): boolean {
    return this.emit('data', value)
  }

  override failed(error: unknown, stage: string): void {
    if (this.#peer instanceof Emitter) this.#peer.failed(error, stage)
    else print(error)
  }
}

const isStream = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value

/**
 * Calls a handler of this end as the client of a peer would, with no connection in between.
 * @param over - called when it is over
 */
export const callHere = async (
  end: Omit<End<Peer, Run<Peer>>, 'host' | 'lane' | 'sign'>,
  [name, args, options]: readonly [name: string, args: readonly unknown[], options: CallOptions],
  over: () => void
): Promise<unknown> => {
  const { connection } = end
  // Whoever calls need not have a connection.
  const host = { id: connection.id, state: 'open', on: () => () => {} } as const
  const exchange = makeExchange({ ...end, host, lane: new Loop(connection), sign: 1 })
  let streams = false
  try {
    const result = await call(exchange, name, args, options)
    streams = isStream(result)
    return isStream(result) ? each(result, over) : result
  } finally {
    if (!streams) over()
  }
}

async function* each(items: AsyncIterable<unknown>, end: () => void): AsyncGenerator<unknown, void, undefined> {
  try {
    yield* items
  } finally {
    end()
  }
}
