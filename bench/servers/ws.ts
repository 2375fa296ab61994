import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { serve } from '../serve.ts'

// What an application writes by hand on bare ws: a value is encoded once for a broadcast, and sent to each client.
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })

server.on('connection', socket => {
  socket.on('message', data => socket.send(JSON.stringify(JSON.parse((data as Buffer).toString()))))
})

server.on('listening', () => {
  serve((server.address() as AddressInfo).port, value => {
    const text = JSON.stringify(value)
    for (const client of server.clients) client.send(text)
  })
})
