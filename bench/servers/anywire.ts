import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type * as Anywire from '../../index.ts'
import { serve } from '../serve.ts'

// What was built, with recovery on, as it is by default. (bench/ is a package of its own, so it cannot import it by name.)
const built = new URL('../../dist/index.js', import.meta.url).href
const { createServer } = (await import(built)) as typeof Anywire

const http = createHttpServer()
const server = createServer(http, { limits: { connections: Infinity, rate: false } })

server.on('connection', peer => {
  peer.on('data', value => peer.write(value))
})

http.listen(0, '127.0.0.1', () => {
  serve((http.address() as AddressInfo).port, value => server.peers.broadcast(value))
})
