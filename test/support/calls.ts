import assert from 'node:assert/strict'
import { createServer } from '../../core.ts'
import type { AnywireError, ClientOptions, Peer, ServerPlugin } from '../../core.ts'
import type { Server } from '../../lib/server/server.ts'
import type { Installed } from '../../lib/plugin.ts'
import type { ServerOptions } from '../../lib/server/options.ts'
import { json } from '../../parsers/json.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { rpc } from '../../plugins/rpc/index.ts'
import type { RpcOptions } from '../../plugins/rpc/index.ts'
import type { Hints, Router } from '../../plugins/rpc/router.ts'
import { Clocked } from './clocked.ts'

/** A server whose peers are called, and its clients, in a time of their own. */
export class Calls extends Clocked {
  /** What the server reported. */
  readonly reported: AnywireError[] = []

  /** Starts a server in the place of the one that there was. */
  start<const P extends readonly ServerPlugin[]>(
    plugins: P,
    options: Partial<ServerOptions> = {}
  ): Server<Peer & Installed<P, 'peer'>> & Installed<P, 'server'> {
    const all: ServerOptions<readonly ServerPlugin[]> = {
      transformers: [this.network],
      parsers: [json(), msgpack()],
      ...options,
      plugins
    }
    const server: Server = createServer(undefined, all)
    server.on('connection', peer => this.peers.push(peer))
    server.on('error', error => this.reported.push(error))
    this.server = server
    // The plugins are those of the options.
    return server as Server<Peer & Installed<P, 'peer'>> & Installed<P, 'server'>
  }

  /** A client that comes back ten milliseconds after it lost its wire. */
  dial<Api>(router?: Router | Hints<Peer>, options: Partial<ClientOptions> = {}, rpcOptions: RpcOptions = {}) {
    return this.connect([reconnect({ min: 20, max: 20, random: () => 0.5 }), rpc<Api>(router, rpcOptions)], options)
  }

  /** Has a promise settle, in at most so many milliseconds. */
  async settled<T>(promise: PromiseLike<T>, time = 10): Promise<T> {
    let over = false
    void Promise.allSettled([promise]).then(() => (over = true))
    for (let passed = 0; passed < time && !over; passed++) await this.pass(1)
    assert.ok(over, `it is not over after ${time} ms`)
    return promise
  }

  /** The code with which a promise rejects. */
  async failure(promise: PromiseLike<unknown>, time = 10): Promise<string> {
    try {
      return `no failure: ${String(await this.settled(promise, time))}`
    } catch (error) {
      if (error instanceof Error && 'code' in error) return String(error.code)
      throw error
    }
  }
}

/** Has each test of a suite begin with a world that has no server yet, and end with nothing left behind. */
export const eachInItsWorld = (begin: (world: Calls) => void): void => {
  let world: Calls

  beforeEach(() => {
    world = new Calls()
    void world.server.close()
    begin(world)
  })

  afterEach(async () => {
    assert.equal(await world.end(), 0, 'timers were left behind')
  })
}
