// An anywire server over HTTP/3, in a process of its own because of what its native library needs. It does what it is told.
import { createServer } from '../../core.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { generateCertificate, webtransport } from '../../transformers/webtransport/index.ts'
import type { SessionSource } from '../../transformers/webtransport/index.ts'
import { sessions } from './moq-source.ts'

/** What a page asks for. */
export type Order =
  | { readonly order: 'echo'; readonly value: unknown }
  | { readonly order: 'flood'; readonly count: number }
  | { readonly order: 'datagrams'; readonly count: number; readonly size: number }
  | { readonly order: 'facts' }
  | { readonly order: 'end' }

let datagrams = 0
/** How the last connection ended. */
let last: readonly [code: number, reason: string] | null = null

/** Counts what comes as a datagram. */
const counting = (source: SessionSource): SessionSource => ({
  listen: arrived =>
    source.listen(request =>
      arrived({
        ...request,
        async accept() {
          const session = await request.accept()
          const count = new TransformStream<Uint8Array, Uint8Array>({
            transform(chunk, controller) {
              datagrams++
              controller.enqueue(chunk)
            }
          })
          const { datagrams: ways } = session
          const counted = {
            readable: ways.readable.pipeThrough(count),
            ...(ways.writable && { writable: ways.writable }),
            get maxDatagramSize() {
              return ways.maxDatagramSize
            }
          }
          return {
            ready: session.ready,
            closed: session.closed,
            datagrams: counted,
            incomingBidirectionalStreams: session.incomingBidirectionalStreams,
            incomingUnidirectionalStreams: session.incomingUnidirectionalStreams,
            createBidirectionalStream: () => session.createBidirectionalStream(),
            close: () => session.close()
          }
        }
      })
    )
})

const certificate = generateCertificate({ hosts: ['127.0.0.1'] })
const wires = webtransport({ sessions: counting(sessions(certificate)) })
const server = createServer(undefined, { transformers: [wires], parsers: [msgpack()], recovery: false })

server.on('connection', peer => {
  peer.on('close', ({ code, reason }) => {
    last = [code, reason]
  })
  peer.on('data', value => {
    const order = value as Order
    if (order.order === 'echo') peer.write(order.value)
    if (order.order === 'flood') for (let index = 0; index < order.count; index++) peer.write(index)
    if (order.order === 'datagrams') {
      for (let index = 0; index < order.count; index++) peer.write(new Uint8Array(order.size), { reliable: false })
    }
    if (order.order === 'facts') peer.write({ datagrams, last, url: peer.url, transformer: peer.transformer })
    if (order.order === 'end') peer.end(4001, 'as you wish')
  })
})

// Browsers that are gone are not noticed at once.
process.on('SIGTERM', () => void server.close({ timeout: 100 }).then(() => process.exit()))
console.log(JSON.stringify({ port: await wires.listening, hash: [...certificate.hash] }))
