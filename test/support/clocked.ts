import { useFakeTimers } from 'sinon'
import type { SinonFakeTimers } from 'sinon'
import { connect, createServer } from '../../core.ts'
import type {
  AnywireError,
  Client,
  ClientOptions,
  ClientPlugin,
  Each,
  Installed,
  Peer,
  Server,
  ServerOptions
} from '../../core.ts'
import { json } from '../../parsers/json.ts'
import { memory } from '../../transformers/memory/index.ts'

/** A server, its clients and the network between them, in a time of their own. */
export class Clocked {
  readonly clock: SinonFakeTimers = useFakeTimers({
    toFake: [
      'setTimeout',
      'clearTimeout',
      'setInterval',
      'clearInterval',
      'setImmediate',
      'clearImmediate',
      'Date',
      'performance'
    ],
    shouldClearNativeTimers: true
  })
  readonly network = memory()
  server: Server
  readonly peers: Peer[] = []
  /** What clients reported. */
  readonly errors: AnywireError[] = []
  readonly #clients: Client[] = []

  constructor(options: Partial<ServerOptions> = {}) {
    this.server = this.serve(options)
  }

  /** Starts a server in the place of the one that there was. */
  serve(options: Partial<ServerOptions> = {}): Server {
    const server = createServer(undefined, { transformers: [this.network], parsers: [json()], ...options })
    server.on('connection', peer => this.peers.push(peer))
    this.server = server
    return server
  }

  connect<const P extends readonly ClientPlugin[]>(
    plugins: P,
    options: Partial<ClientOptions> = {},
    url: Each<string> = 'http://memory'
  ): Client & Installed<P, 'client'> {
    const all: ClientOptions<readonly ClientPlugin[]> = {
      transformers: [this.network],
      parser: json(),
      ...options,
      plugins
    }
    const client: Client = connect(url, all)
    client.on('error', error => this.errors.push(error))
    this.#clients.push(client)
    // The plugins are those of the options.
    return client as Client & Installed<P, 'client'>
  }

  /** The last peer that the server was given. */
  get peer(): Peer {
    const peer = this.peers.at(-1)
    if (!peer) throw new Error('there is no peer')
    return peer
  }

  /** Lets so many milliseconds pass. */
  async pass(time = 1): Promise<void> {
    await this.clock.tickAsync(time)
  }

  /** Ends everything, and gives the time back. Returns how many timers were left. */
  async end(): Promise<number> {
    for (const client of this.#clients) client.destroy()
    this.network.stalled = false
    const closing = this.server.close({ timeout: 100, reconnect: false })
    await this.pass(1_000)
    await closing
    const left = this.clock.countTimers()
    this.clock.restore()
    return left
  }
}
