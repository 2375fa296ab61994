import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { peer } from '../peers.ts'
import { serve } from '../serve.ts'

interface Socket {
  on(event: 'm', listener: (value: unknown) => void): void
  on(event: 'call', listener: (value: unknown, answer: (value: unknown) => void) => void): void
  emit(event: 'm', value: unknown): void
}
interface Server {
  on(event: 'connection', listener: (socket: Socket) => void): void
  emit(event: 'm', value: unknown): void
}
const { Server } = peer<{ Server: new (http: unknown, options: object) => Server }>('socket.io')

const http = createServer()
const server = new Server(http, { transports: ['websocket'], perMessageDeflate: false, serveClient: false })

server.on('connection', socket => {
  socket.on('m', value => socket.emit('m', value))
  socket.on('call', (value, answer) => answer(value))
})

http.listen(0, '127.0.0.1', () => {
  serve((http.address() as AddressInfo).port, value => server.emit('m', value))
})
