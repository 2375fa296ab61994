import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { serve } from '../serve.ts'

// No server: the clients' sockets after an upgrade. A broadcast is one write for each of them and tick; an echo takes the
// mask off short frames of ASCII, and parses and stringifies what is in them. It checks nothing, and keeps nothing.
const http = createServer()
const sockets: Duplex[] = []
let waiting: Buffer[] = []

http.on('upgrade', (_request, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
  socket.on('error', () => {})
  sockets.push(socket)
  let rest = Buffer.alloc(0)
  socket.on('data', chunk => {
    const bytes = rest.length ? Buffer.concat([rest, chunk]) : chunk
    const [end, answers] = echo(bytes)
    rest = bytes.subarray(end)
    if (answers) socket.write(answers, 'latin1')
  })
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

/** How far whole frames go, and the frames of the answers. */
function echo(bytes: Buffer): [end: number, answers: string] {
  let answers = ''
  let at = 0
  for (let end = 0; ; at = end) {
    const start = at + 6
    end = start + ((bytes[at + 1] ?? 0) & 127)
    if (start > bytes.length || end > bytes.length) return [at, answers]
    for (let i = start; i < end; i++) bytes[i] = (bytes[i] ?? 0) ^ (bytes[start - 4 + ((i - start) & 3)] ?? 0)
    const text = JSON.stringify(JSON.parse(bytes.toString('latin1', start, end)))
    answers += String.fromCharCode(0x81, text.length) + text
  }
}
