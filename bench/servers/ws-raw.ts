import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { serve } from '../serve.ts'

// Bare ws that sends back the bytes it got, without reading them: the least that an echo on ws can cost.
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })

server.on('connection', socket => {
  socket.on('message', data => socket.send(data, { binary: false }))
})

server.on('listening', () => {
  serve((server.address() as AddressInfo).port, () => {
    throw new Error('ws-raw only echoes')
  })
})
