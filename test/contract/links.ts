import assert from 'node:assert/strict'
import type { AnywireError } from '../../lib/errors.ts'
import { HttpHost } from '../../lib/server/http-host.ts'
import type { LinkRequest, Listener } from '../../lib/server/listener.ts'
import type { Receiver } from '../../lib/transformer.ts'
import { CheckedReceiver } from './checked-receiver.ts'
import type { Reactions } from './checked-receiver.ts'
import { closeHttp } from './fixture.ts'
import type { TransformerFixture } from './fixture.ts'
import { turns } from './waiting.ts'

/** The receiver of a link that was dialled. */
export class Dialled extends CheckedReceiver {
  readonly controller = new AbortController()
}

export type LinkPair = readonly [near: Dialled, far: CheckedReceiver]

export const LIMIT = 1_048_576

/** Both halves of a transformer, with checked receivers in the place of the core. */
export class Links {
  readonly requests: LinkRequest[] = []
  /** Decides about the next links. */
  accept: (request: LinkRequest) => Receiver | AnywireError = () => this.receiver()
  readonly fixture: TransformerFixture
  readonly #host: HttpHost
  readonly #listener: Listener
  readonly #dialled: Dialled[] = []
  readonly #accepted: CheckedReceiver[] = []
  #url = ''
  #listens = true
  #stopped = false
  #ended: Promise<void> | undefined

  private constructor(fixture: TransformerFixture) {
    this.fixture = fixture
    this.#host = new HttpHost(fixture.http, '/anywire', LIMIT)
    this.#listener = fixture.server.listen(this.#host, request => {
      this.requests.push(request)
      return this.accept(request)
    })
  }

  static async start(fixture: TransformerFixture): Promise<Links> {
    const links = new Links(fixture)
    links.#url = await fixture.start()
    return links
  }

  get url(): URL {
    return new URL('/anywire', this.#url)
  }

  /** A receiver for the serving end. */
  receiver(reactions?: Reactions): CheckedReceiver {
    const receiver = new CheckedReceiver(reactions)
    this.#accepted.push(receiver)
    return receiver
  }

  dial(reactions?: Reactions, url = this.url): Dialled {
    const receiver = new Dialled(reactions)
    this.#dialled.push(receiver)
    this.fixture.client.dial(url, receiver, receiver.controller.signal)
    return receiver
  }

  /** Both ends of a link that is open. */
  async pair(near?: Reactions, far?: Reactions): Promise<LinkPair> {
    const accepted = this.receiver(far)
    this.accept = () => accepted
    const dialled = this.dial(near)
    await Promise.all([dialled.opened(), accepted.opened()])
    return [dialled, accepted]
  }

  /** Ends the listener, and nothing else. */
  async unlisten(): Promise<void> {
    if (this.#listens) await this.#listener.close()
    this.#listens = false
  }

  /** Ends what listens, and what it listens on; not the links. */
  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    await this.unlisten()
    this.#host.detach()
    const closed = closeHttp(this.fixture.http)
    await this.fixture.stop?.()
    this.#ended = closed
  }

  /** Ends everything, and looks whether all the rules were kept. */
  async close(): Promise<void> {
    const receivers = [...this.#dialled, ...this.#accepted]
    for (const { controller } of this.#dialled) controller.abort()
    for (const receiver of receivers) if (receiver.isOpen) receiver.wire.abort()
    await this.stop()
    await Promise.all([...receivers.map(receiver => receiver.closed()), this.#ended])
    await turns()
    assert.deepEqual(
      receivers.flatMap(({ violations }) => violations),
      []
    )
  }
}
