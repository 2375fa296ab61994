import { Emitter } from '../../lib/emitter.ts'
import type { Lane, LaneEvents } from '../../lib/lane.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { End } from './end.ts'
import { Exchange } from './exchange.ts'
import type { RpcOptions } from './exchange.ts'
import type { CallOptions } from './remote.ts'

/** A lane whose other end is its own. */
class Loop extends Emitter<LaneEvents> implements Lane {
  readonly connected = true

  write(value: unknown): boolean {
    return this.emit('data', value)
  }
}

const isStream = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value

/** Calls a handler of this end as the client of a peer would, with no connection in between. */
export const callHere = async (
  peer: Peer,
  { find, once }: Pick<End<Peer>, 'find' | 'once'>,
  [name, args, call]: readonly [name: string, args: readonly unknown[], call: CallOptions],
  options: RpcOptions<Peer>
): Promise<unknown> => {
  const exchange = new Exchange<Peer>(
    {
      connection: peer,
      lane: new Loop(),
      sign: 1,
      id: peer.id,
      ready: true,
      refusal: undefined,
      find,
      ...(once && { once })
    },
    options
  )
  let streams = false
  try {
    const result = await exchange.caller.call(name, args, call)
    streams = isStream(result)
    return isStream(result) ? each(result, () => exchange.over(true)) : result
  } finally {
    if (!streams) exchange.over(true)
  }
}

async function* each(items: AsyncIterable<unknown>, end: () => void): AsyncGenerator<unknown, void, undefined> {
  try {
    yield* items
  } finally {
    end()
  }
}
