// What pages, and other programs, ask the server to do.
import { randomBytes } from 'node:crypto'
import type { Peer } from 'anywire'
import { RpcError } from 'anywire/plugins/rpc'
import type { Call } from 'anywire/plugins/rpc'
import type { Board } from './board.ts'
import { parseChange } from './values.ts'
import type { Change, Note } from './values.ts'

/** Who asks: a page, or a program that has the key. */
export interface Caller {
  readonly app: 'page' | 'key'
}

export const makeActions = (board: Board) => {
  /** Calls that wait until their change is in the file, by its id. */
  const waiting = new Map<string, (() => void)[]>()

  const make = async (change: Change | undefined): Promise<void> => {
    if (!change) throw new RpcError('NO_CHANGE', 'No page of this server wants such a change')
    if (!board.change(change))
      throw new RpcError('FULL', 'The board is full: delete a note before you add another one.')
    if (board.knows(change.id)) return
    await new Promise<void>(resolve => waiting.set(change.id, [...(waiting.get(change.id) ?? []), resolve]))
  }

  return {
    router: {
      /** Changes the board, once, however often it is asked to. Returns when it is saved. */
      change: (change: unknown, _call: Call) => make(parseChange(change)),
      notes: (): readonly Note[] => board.snapshot().notes,
      /** Cuts the caller's wire. */
      cut: ({ peer }: Call<Peer>) => peer.disconnect(),
      /** Says something to everybody. */
      announce: (text: unknown, _call: Call) =>
        make(parseChange({ type: 'say', id: randomBytes(8).toString('hex'), by: { name: 'Board', color: 4 }, text }))
    },
    /** A change is in the file. */
    saved(id: string): void {
      for (const resolve of waiting.get(id) ?? []) resolve()
      waiting.delete(id)
    }
  }
}
