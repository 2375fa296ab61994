import { connect } from '../../lib/client.ts'
import type { Client } from '../../lib/client.ts'
import type { AnyClientOptions } from '../../lib/client.ts'
import type { End, Lost, Opened } from '../../lib/connection.ts'
import type { Connection } from '../../lib/connection.ts'
import type { AnywireError } from '../../lib/errors.ts'
import type { AnyServerOptions } from '../../lib/server/options.ts'
import type { Handshake, Peer } from '../../lib/server/peer.ts'
import { createServer } from '../../lib/server/server.ts'
import type { Server } from '../../lib/server/server.ts'
import { json } from '../../parsers/json.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import type { Use } from './faults-guard.ts'
import { memory } from '../../transformers/memory/index.ts'
import type { MemoryOptions } from '../../transformers/memory/index.ts'

/** What a connection told, in order. */
export interface Log {
  readonly values: unknown[]
  readonly opens: Opened[]
  readonly disconnects: End[]
  readonly closes: End[]
  readonly lost: unknown[]
  readonly errors: AnywireError[]
  /** The names of the events but `data`, `drain` and `error`. */
  readonly story: string[]
}

/** @param read - false: without a listener for `data`, so that values wait */
export const logOf = (connection: Connection, read = true): Log => {
  const log: Log = { values: [], opens: [], disconnects: [], closes: [], lost: [], errors: [], story: [] }
  if (read) connection.on('data', value => log.values.push(value))
  connection.on('open', opened => {
    log.opens.push(opened)
    log.story.push(opened.recovered ? 'recovered' : 'open')
  })
  connection.on('disconnect', end => {
    log.disconnects.push(end)
    log.story.push('disconnect')
  })
  connection.on('close', end => {
    log.closes.push(end)
    log.story.push('close')
  })
  connection.on('lost', ({ values }: Lost) => {
    for (const value of values) log.lost.push(value)
    log.story.push('lost')
  })
  connection.on('error', error => log.errors.push(error))
  return log
}

export interface Reported {
  readonly error: AnywireError
  readonly stage: string
  readonly peer?: Peer
}

/** What a server told. */
export interface Watched {
  readonly peers: Peer[]
  /** Of the peers, in the same order. */
  readonly logs: Log[]
  readonly errors: Reported[]
  readonly refused: { readonly error: AnywireError; readonly handshake: Handshake }[]
}

export const watch = (server: Server, read = true): Watched => {
  const watched: Watched = { peers: [], logs: [], errors: [], refused: [] }
  server.on('connection', peer => {
    watched.peers.push(peer)
    watched.logs.push(logOf(peer, read))
  })
  server.on('error', (error, info) => watched.errors.push({ error, ...info }))
  server.on('refused', (error, handshake) => watched.refused.push({ error, handshake }))
  return watched
}

export type AnyServer = Partial<AnyServerOptions>

export interface PairOptions {
  readonly network?: MemoryOptions
  readonly server?: AnyServer
  readonly client?: Partial<AnyClientOptions>
  /** False: nobody reads on the server. */
  readonly read?: boolean
}

/** A server on a memory network, and clients for it that come back at once. Both are ended with the test. */
export const host = (use: Use, options: PairOptions = {}) => {
  const network = memory(options.network)
  const all: AnyServerOptions = { transformers: [network], parsers: [json()], ...options.server }
  const serve = () => createServer(undefined, { ...all, plugins: all.plugins ?? [] })
  const server = serve()
  const told = watch(server, options.read)
  use(() => {
    const closed = server.close({ timeout: 0 })
    // Links of strangers, who never answer: the server would give them a second.
    network.cut()
    return closed
  })
  const dial = (more: Partial<AnyClientOptions> = {}): Client => {
    const all: AnyClientOptions = {
      transformers: [network],
      parser: json(),
      plugins: [reconnect({ min: 0 })],
      ...options.client,
      ...more
    }
    const client = connect('http://memory', { ...all, plugins: all.plugins ?? [] })
    use(() => client.destroy())
    return client
  }
  return { network, server, told, serve, dial }
}
