import assert from 'node:assert/strict'
import { connect } from '../../lib/client.ts'
import type { Client, ClientOptions, Each } from '../../lib/client.ts'
import type { Connection } from '../../lib/connection.ts'
import type { AnywireError, ErrorCode } from '../../lib/errors.ts'
import { HELLO } from '../../lib/frames.ts'
import { PROTOCOL } from '../../lib/handshake.ts'
import type { Parser } from '../../lib/parser.ts'
import type { ClientPlugin } from '../../lib/plugin.ts'
import type { ServerOptions } from '../../lib/server/options.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { ServerPlugin } from '../../lib/server/plugin.ts'
import { createServer } from '../../lib/server/server.ts'
import type { Server } from '../../lib/server/server.ts'
import { attemptUrl } from '../../lib/url.ts'
import type { Reactions } from './checked-receiver.ts'
import { closeHttp } from './fixture.ts'
import type { TransformerFixture } from './fixture.ts'
import { Dialled } from './links.ts'
import { turns } from './waiting.ts'

export type StageServerOptions = Partial<Omit<ServerOptions, 'plugins'>> & {
  readonly plugins?: readonly ServerPlugin[]
}
export type StageClientOptions = Partial<Omit<ClientOptions, 'plugins'>> & {
  readonly plugins?: readonly ClientPlugin[]
}

/** The two ends of one connection. */
export interface Pair {
  readonly client: Client
  readonly peer: Peer
}

/** A client plugin that comes back at once, whatever happened. */
export const back = (): ClientPlugin => ({
  name: 'back',
  version: 1,
  local: true,
  client(client, _lane, during) {
    let waiting: NodeJS.Immediate | undefined
    client.supervise(() => {
      waiting = setImmediate(() => client.open())
      return true
    })
    during(() => () => clearImmediate(waiting))
  }
})

/** A server and its clients, over a fixture. */
export class Stage {
  readonly fixture: TransformerFixture
  readonly parser: Parser
  readonly server: Server
  /** Errors that were reported on either end, and those that the test expects by its end. */
  readonly errors: AnywireError[] = []
  expected: ErrorCode[] = []
  readonly #clients: Client[] = []
  readonly #dialled: Dialled[] = []
  url = ''

  private constructor(fixture: TransformerFixture, parser: Parser, options: StageServerOptions) {
    this.fixture = fixture
    this.parser = parser
    // Plugins of a list of any length add nothing to the types.
    const all = { transformers: [fixture.server], parsers: [parser], ...options } as ServerOptions
    this.server = createServer(fixture.http, all)
    this.server.on('error', error => this.errors.push(error))
  }

  static async start(fixture: TransformerFixture, parser: Parser, options: StageServerOptions = {}): Promise<Stage> {
    const stage = new Stage(fixture, parser, options)
    stage.url = await fixture.start()
    return stage
  }

  connect(options: StageClientOptions = {}, url: Each<string> = this.url): Client {
    const all = { transformers: [this.fixture.client], parser: this.parser, ...options } as ClientOptions
    const client: Client = connect(url, all)
    client.on('error', error => this.errors.push(error))
    this.#clients.push(client)
    return client
  }

  /** The peer of a client that is open. */
  peer(client: Connection): Peer {
    const peer = this.server.peers.get(client.id)
    assert.ok(peer, 'the server has no peer of this client')
    return peer
  }

  async pair(options: StageClientOptions = {}, url: Each<string> = this.url): Promise<Pair> {
    const client = this.connect(options, url)
    await opened(client)
    return { client, peer: this.peer(client) }
  }

  /** A link without a client: for what a client never says. */
  dial(reactions?: Reactions, plain = false): Dialled {
    const receiver = new Dialled(reactions)
    this.#dialled.push(receiver)
    const url = attemptUrl(this.url)
    if (plain) url.search = ''
    this.fixture.client.dial(url, receiver, receiver.controller.signal)
    return receiver
  }

  /** The first message of a client. */
  hello(change: Readonly<Record<string, unknown>> = {}): string {
    const { name } = this.parser
    return (
      HELLO + JSON.stringify({ v: PROTOCOL, parser: name, plugins: [], limit: 2 ** 20, window: 2 ** 20, ...change })
    )
  }

  /** A value that the parser carries: the value itself, or its JSON text. */
  fit(value: unknown): unknown {
    try {
      this.parser.encode(value)
      return value
    } catch {
      return JSON.stringify(value)
    }
  }

  /** Text whose encoding has so many bytes. */
  textOf(bytes: number): string {
    const { length } = this.parser.encode('x'.repeat(bytes))
    return 'x'.repeat(bytes - (length - bytes))
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy()
    for (const { controller } of this.#dialled) controller.abort()
    await this.server.close({ timeout: 1_000, reconnect: false })
    await Promise.all([closeHttp(this.fixture.http), this.fixture.stop?.()])
    await Promise.all(this.#dialled.map(receiver => receiver.closed()))
    await turns()
    assert.equal(this.server.peers.size, 0)
    assert.deepEqual(
      this.#dialled.flatMap(({ violations }) => violations),
      []
    )
    assert.deepEqual(
      this.errors.map(({ code }) => code),
      this.expected
    )
  }
}

/** Waits for a client to open; rejects when it closes instead. */
export const opened = (client: Client): Promise<boolean> =>
  new Promise((resolve, reject) => {
    client.once('open', ({ recovered }) => resolve(recovered))
    client.once('close', ({ code, reason }) => reject(new Error(`the client closed: ${code} ${reason}`)))
  })

/** @param options - of the server */
export type StageTest = (
  title: string,
  run: (stage: Stage) => Promise<void>,
  options?: StageServerOptions | ((parser: Parser) => StageServerOptions)
) => void

export type Setup = () => TransformerFixture | Promise<TransformerFixture>

/** Makes what registers a test with a stage of its own. */
export const stageTests = (setup: Setup, parser: Parser): StageTest => {
  let current: Stage | undefined

  afterEach(async () => {
    // What a failed test left behind; that it failed is told already.
    const failed = current
    current = undefined
    await failed?.close().catch(() => {})
  })

  return (title, run, options) => {
    it(title, async () => {
      const stage = await Stage.start(await setup(), parser, typeof options === 'function' ? options(parser) : options)
      current = stage
      await run(stage)
      current = undefined
      await stage.close()
    })
  }
}
