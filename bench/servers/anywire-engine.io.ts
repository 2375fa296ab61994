import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type * as Anywire from '../../index.ts'
import type * as EngineIo from '../../transformers/engine.io/index.ts'
import { serve } from '../serve.ts'

// As anywire.ts, over engine.io: beside `engine.io` it shows what anywire adds.
// (bench/ is a package of its own, so it cannot import it by name.)
const built = (path: string): Promise<unknown> => import(new URL(`../../dist/${path}`, import.meta.url).href)
const { createServer } = (await built('index.js')) as typeof Anywire
const { engineio } = (await built('transformers/engine.io/index.js')) as typeof EngineIo

const http = createHttpServer()
const server = createServer(http, { transformers: [engineio()], limits: { connections: Infinity, rate: false } })

server.on('connection', peer => {
  peer.on('data', value => peer.write(value))
})

http.listen(0, '127.0.0.1', () => {
  serve((http.address() as AddressInfo).port, value => server.peers.broadcast(value))
})
