import { AnywireError } from '../../lib/errors.ts'
import type { Run } from '../../lib/run.ts'
import { httpStatus } from '../../lib/server/http-status.ts'
import type { Accept, Host } from '../../lib/server/listener.ts'
import type { Receiver } from '../../lib/transformer.ts'
import { makeStrictLink } from './strict-link.ts'
import { frameRun } from './run-frame.ts'
import type { SessionRequest } from './source.ts'
import type { WebTransportSession } from './session.ts'
import { pump } from './wire.ts'

/** Judges requests for sessions, and makes wires of those that are accepted. */
export class Acceptor {
  readonly #host: Host
  readonly #accept: Accept
  readonly #patience: number

  /** @param patience - milliseconds from the request to the first byte of the stream */
  constructor(host: Host, accept: Accept, patience: number) {
    this.#host = host
    this.#accept = accept
    this.#patience = patience
  }

  /** A request for a session came. */
  arrived(request: SessionRequest): void {
    const { url, headers, address } = request
    const path = url.split('?', 1)[0]
    if (path !== this.#host.path && path !== `${this.#host.path}/`) return request.reject(404)
    const receiver = this.#accept({ url, headers, address, ownPort: true })
    if (receiver instanceof AnywireError) return request.reject(httpStatus(receiver))
    let late = false
    const timer = setTimeout(() => {
      late = true
      receiver.close(1006, 'the session did not open in time')
    }, this.#patience)
    request.accept().then(
      session => {
        clearTimeout(timer)
        if (late) session.close()
        else this.#serve(session, receiver)
      },
      (error: unknown) => {
        clearTimeout(timer)
        if (!late) receiver.close(1006, '', error instanceof Error ? error : undefined)
      }
    )
  }

  #serve(session: WebTransportSession, receiver: Receiver): void {
    const link = makeStrictLink(session, receiver, this.#host.limit)
    const { wire } = link
    let streams = 0
    const timer = setTimeout(() => link.lost(new Error('no stream was opened in time')), this.#patience)
    const surplus = (): void => link.lost(new Error('a session has one stream'))
    const over = (): void => clearTimeout(timer)
    session.closed.then(over, over)
    // Both are read to the end: what nobody reads would be kept.
    pump(session.incomingUnidirectionalStreams, surplus).catch(() => {})
    pump(session.incomingBidirectionalStreams, stream => {
      if (streams++) return surplus()
      clearTimeout(timer)
      wire.sendRun = (run: Run) => link.write(run.memo(frameRun))
      link.start(stream)
    }).catch(() => {})
  }
}
