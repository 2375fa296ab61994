import type { Server as HttpServer } from 'node:http'
import type { ClientTransformer, ServerTransformer } from '../../core.ts'
import { engineio } from '../../transformers/engine.io/index.ts'
import { memory } from '../../transformers/memory/index.ts'
import { webtransport } from '../../transformers/webtransport/index.ts'
import { ws } from '../../transformers/ws/index.ts'
import { closeHttp, overHttp } from '../contract/fixture.ts'
import type { TransformerFixture } from '../contract/fixture.ts'
import { overEngine } from './engine.io.ts'
import { CuttingProxy } from './faults-proxy.ts'
import { certificate, serverCertificateHashes } from './webtransport.ts'

/** Where servers follow one another, and clients find each of them. */
export interface Place {
  readonly client: ClientTransformer
  readonly http?: HttpServer
  /** Makes what the next server listens with. */
  transformer(): ServerTransformer
  /** The server listens, or is about to: where it is. */
  url(): Promise<string>
  /** Kills all wires, as a network does. */
  cut(): void
  close(): Promise<void>
}

const of = (fixture: TransformerFixture): Place => {
  let url: Promise<string> | undefined
  return {
    client: fixture.client,
    ...(fixture.http && { http: fixture.http }),
    transformer: () => fixture.server,
    url: () => (url ??= Promise.resolve(fixture.start())),
    cut: () => fixture.cut?.(),
    close: async () => {
      await fixture.stop?.()
      await closeHttp(fixture.http)
    }
  }
}

const overHttp2 = (): Place => {
  const proxy = new CuttingProxy(0)
  let url: Promise<string> | undefined
  let port: Promise<number> = Promise.resolve(0)
  return {
    client: webtransport({ serverCertificateHashes, client: { forceReliable: true } }),
    transformer: () => {
      const server = webtransport({ port: 0, host: '127.0.0.1', ...certificate })
      port = server.listening
      return server
    },
    url: async () => {
      proxy.port = await port
      return (url ??= proxy.listen())
    },
    // Node's HTTP/2 does not notice a reset while it writes.
    cut: () => proxy.cut(false),
    close: () => proxy.close()
  }
}

const inMemory = (): Place => {
  const network = memory()
  return of({ server: network, client: network, start: () => 'http://memory', cut: () => network.cut() })
}

/** One for each technology, by name. */
export const places: Readonly<Record<string, () => Place>> = {
  memory: inMemory,
  ws: () => of(overHttp(ws(), ws())),
  'engine.io, polling': () => of(overEngine(engineio({ transports: ['polling'] }))),
  'engine.io, WebSocket': () => of(overEngine(engineio({ transports: ['websocket'] }))),
  'webtransport over HTTP/2': overHttp2
}
