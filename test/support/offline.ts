import assert from 'node:assert/strict'
import type { ClientPlugin, Server, ServerOptions } from '../../core.ts'
import { offline } from '../../plugins/offline/client.ts'
import type { OfflineOptions } from '../../plugins/offline/client.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { Clocked } from './clocked.ts'

/** A server that notes what arrives, and clients that keep what they write while they have no wire. */
export class OfflineWorld extends Clocked {
  readonly received: unknown[] = []

  override serve(options: Partial<ServerOptions> = {}): Server {
    const server = super.serve(options)
    server.on('connection', peer => peer.on('data', value => this.received.push(value)))
    return server
  }

  /** A client that comes back half a second after it lost its wire. */
  dial(options: OfflineOptions = {}, ...more: readonly ClientPlugin[]) {
    return this.connect([reconnect({ random: () => 0.5 }), offline(options), ...more] as const)
  }

  /** One that has lost its wire. */
  async away(options: OfflineOptions = {}) {
    const client = this.dial(options)
    await this.pass(10)
    this.network.cut()
    await this.pass(10)
    assert.equal(client.state, 'away')
    return client
  }
}
