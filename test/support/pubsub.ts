import { connect, createServer } from '../../core.ts'
import type {
  Client,
  ClientPlugin,
  ClientTransformer,
  HttpServer,
  Parser,
  Peer,
  ServerOptions,
  ServerTransformer
} from '../../core.ts'
import { json } from '../../parsers/json.ts'
import { permissions } from '../../plugins/permissions/index.ts'
import type { Rules } from '../../plugins/permissions/index.ts'
import { pubsub } from '../../plugins/pubsub/index.ts'
import type { Message, PubSubOptions } from '../../plugins/pubsub/index.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { memory } from '../../transformers/memory/index.ts'
import type { Use } from './faults-guard.ts'
import { until } from './faults-wait.ts'

export interface WorldOptions {
  readonly pubsub?: PubSubOptions
  readonly rules?: Rules<string>
  readonly parser?: Parser
  readonly http?: HttpServer
  readonly server?: Omit<Partial<ServerOptions>, 'plugins' | 'authenticate'>
}

/** A client, what it was told, and what it publishes. */
export const makeClient = (
  transformer: ClientTransformer,
  { parser = json(), pubsub: options }: WorldOptions,
  auth = 'ann',
  url = 'http://memory',
  plugins: readonly ClientPlugin[] = [reconnect({ min: 0 })]
) => {
  const errors: string[] = []
  const own = pubsub(options)
  const all: readonly [...ClientPlugin[], typeof own] = [...plugins, own]
  const client: Client = connect(url, { transformers: [transformer], parser, plugins: all, auth })
  client.on('error', ({ code }) => errors.push(code))
  if (!('pubsub' in client)) throw new Error('the plugin is not installed')
  return { client: client as Client & { readonly pubsub: ReturnType<typeof own.client> }, errors }
}

/** A server on a network in memory. */
export const makeServer = (
  transformer: ServerTransformer,
  { parser = json(), rules, http, ...options }: WorldOptions
) => {
  const server = createServer(http, {
    transformers: [transformer],
    parsers: [parser],
    ...options.server,
    authenticate: ({ auth }) => String(auth),
    plugins: [permissions<string>(rules, { otherwise: !rules }), pubsub(options.pubsub)]
  })
  const errors: string[] = []
  server.on('error', ({ code }, { stage }) => errors.push(`${code} ${stage}`))
  return { server, errors }
}

export type PubSubServer = ReturnType<typeof makeServer>['server']
export type PubSubPeer = PubSubServer extends { readonly peers: Iterable<infer P> } ? P : Peer

/** A server and its clients, which come back at once. */
export const world = (use: Use, options: WorldOptions = {}) => {
  const network = memory()
  const serve = () => {
    const made = makeServer(network, options)
    use(() => made.server.close({ timeout: 0, reconnect: false }))
    return made
  }
  const { server, errors } = serve()
  /** An open client. */
  const open = async (auth = 'ann', plugins?: readonly ClientPlugin[], wires: ClientTransformer = network) => {
    const made = makeClient(wires, options, auth, 'http://memory', plugins)
    use(() => made.client.destroy())
    await until(() => made.client.state === 'open', 'an open client')
    return { ...made, pubsub: made.client.pubsub }
  }
  const peerOf = (client: Client, of: PubSubServer = server): PubSubPeer => {
    const peer = of.peers.get(client.id)
    if (!peer) throw new Error('the server has no such peer')
    return peer
  }
  return { network, server, errors, serve, open, peerOf }
}

/** A handler that notes what it is called with, and the notes. */
export const notes = () => {
  const values: unknown[] = []
  const messages: Message[] = []
  const handler = (value: unknown, message: Message): void => {
    values.push(value)
    messages.push(message)
  }
  return { values, messages, handler }
}
