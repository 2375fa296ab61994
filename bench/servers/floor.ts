import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { serve } from '../serve.ts'

// No server: the clients' sockets after an upgrade, and one write for each of them and tick.
const http = createServer()
const sockets: Duplex[] = []
let waiting: Buffer[] = []

http.on('upgrade', (_request, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
  socket.resume().on('error', () => {})
  sockets.push(socket)
})

http.listen(0, '127.0.0.1', () => {
  serve((http.address() as AddressInfo).port, value => {
    const text = Buffer.from(JSON.stringify(value))
    if (waiting.push(Buffer.from([0x81, text.length]), text) === 2) queueMicrotask(flush)
  })
})

function flush(): void {
  const bytes = Buffer.concat(waiting)
  waiting = []
  for (const socket of sockets) socket.write(bytes)
}
