import { tell } from '../../lib/errors.ts'
import { ERR_HANDSHAKE_TIMEOUT } from '../../lib/failures.ts'
import { linkError } from '../../lib/link.ts'
import type { LinkError } from '../../lib/link.ts'
import type { Strategy } from '../../lib/strategy.ts'
import { LONGEST } from '../../lib/timer.ts'
import type { ClientTransformer } from '../../lib/transformer.ts'

/** A transformer whose wires wait, once they are open, for their turn to say hello. */
const inTurn = (transformer: ClientTransformer, turn: () => Promise<void>): ClientTransformer => ({
  ...transformer,
  dial: (url, receiver, signal) => {
    // A wire may open while it is dialled, when there is no link yet.
    const dialled = Promise.resolve()
    let open: (() => void) | undefined
    transformer.dial(
      url,
      {
        open(wire) {
          open = () => {
            open = undefined
            receiver.open(wire)
          }
          void dialled.then(turn).then(() => open?.())
        },
        message(data) {
          // A server that speaks first says goodbye: there is nothing to wait for.
          open?.()
          receiver.message(data)
        },
        drain: () => receiver.drain(),
        close: (code, reason, error) => receiver.close(code, reason, error)
      },
      signal
    )
  }
})

/**
 * Starts one transformer after the other, each with a head start over the next, and takes the first wire that opens; the
 * same idea as "Happy Eyeballs" (RFC 8305). Only one link at a time says hello, so that the server sees one client.
 * @param headStart - milliseconds before the next one starts too; it starts at once when one fails
 * @param patience - milliseconds for the server's welcome, before another wire has its turn
 */
export const race =
  (headStart: number, patience: number): Strategy =>
  async (transformers, open) => {
    const waiting = [...transformers]
    let running = 0
    /** Settles when the last link that opened has its answer. */
    let turns: Promise<unknown> = Promise.resolve()
    let next: ReturnType<typeof setTimeout> | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        const start = (): void => {
          clearTimeout(next)
          const transformer = waiting.shift()
          if (!transformer) return
          let late: ReturnType<typeof setTimeout> | undefined
          let over = false
          const turn = async (): Promise<void> => {
            const before = turns
            turns = link.catch(() => {})
            await before
            if (over || running + waiting.length < 2) return
            const abort = (): void => link.abort(linkError(tell(ERR_HANDSHAKE_TIMEOUT)))
            late = setTimeout(abort, Math.min(patience, LONGEST))
          }
          const link = open(inTurn(transformer, turn))
          running++
          if (waiting.length) next = setTimeout(start, Math.min(headStart, LONGEST))
          link
            .finally(() => {
              over = true
              clearTimeout(late)
              running--
            })
            .then(resolve, (error: LinkError) => {
              if (running + waiting.length === 0 || error.refused) reject(error)
              else start()
            })
            // The attempt is over: nothing can be opened any more.
            .catch(reject)
        }
        if (waiting.length) start()
        else reject(linkError([1006, 'there is no transformer', 0]))
      })
    } finally {
      clearTimeout(next)
    }
  }
