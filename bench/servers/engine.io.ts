import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { peer } from '../peers.ts'
import { serve } from '../serve.ts'

interface Socket {
  on(event: 'message', listener: (data: string) => void): void
  send(data: string): void
}
interface Server {
  clients: Record<string, Socket>
  on(event: 'connection', listener: (socket: Socket) => void): void
}
const { attach } = peer<{ attach: (http: unknown, options: object) => Server }>('engine.io')

// engine.io carries text: as on bare ws, the application encodes, and sends to each client.
const http = createServer()
const server = attach(http, { transports: ['websocket'], perMessageDeflate: false })

server.on('connection', socket => {
  socket.on('message', data => socket.send(JSON.stringify(JSON.parse(data))))
})

http.listen(0, '127.0.0.1', () => {
  serve((http.address() as AddressInfo).port, value => {
    const text = JSON.stringify(value)
    for (const socket of Object.values(server.clients)) socket.send(text)
  })
})
