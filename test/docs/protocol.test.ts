import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { pathToFileURL } from 'node:url'
import { WebSocket } from 'ws'
import { createServer } from '../../index.ts'
import type { Peer, Server } from '../../index.ts'
import { named } from './support/pages.ts'
import { until } from '../support/faults-wait.ts'
import { Workshop } from './support/workshop.ts'

type Connect = (
  url: string,
  Class: new (url: string) => WebSocket,
  onValue: (value: unknown) => void
) => (value: unknown) => void

describe('the client in PROTOCOL.md', () => {
  let workshop: Workshop
  let connect: Connect
  let http: HttpServer
  let server: Server
  let url: string
  const sockets = new Set<Socket>()
  const opened: WebSocket[] = []

  /** What the client said, in all tests. */
  const said: string[] = []

  class Tracked extends WebSocket {
    constructor(address: string) {
      super(address)
      opened.push(this)
    }

    override send(data: string): void {
      said.push(data)
      super.send(data)
    }
  }

  before(async () => {
    workshop = new Workshop()
    // It waits up to a second before it dials again; a test does not.
    const code = named('PROTOCOL.md', 'mini.js').code.replace('Math.random() * 1_000', '0')
    const module = (await import(pathToFileURL(workshop.write('mini.js', code)).href)) as { connect: Connect }
    connect = module.connect
  })
  after(() => workshop.close())

  const start = async (heartbeat: number): Promise<void> => {
    http = createHttpServer()
    http.on('connection', socket => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    server = createServer(http, { client: false, heartbeat })
    await new Promise<void>(resolve => http.listen(0, resolve))
    url = `ws://localhost:${(http.address() as AddressInfo).port}/anywire`
  }

  afterEach(async () => {
    await server.close({ reconnect: false })
    for (const socket of opened.splice(0)) socket.terminate()
    await new Promise(resolve => http.close(resolve))
  })

  const next = (): Promise<Peer> => new Promise(resolve => server.once('connection', resolve))

  it('echoes, resumes and acknowledges', async () => {
    await start(0)
    const values: unknown[] = []
    const peers: Peer[] = []
    server.on('connection', peer => {
      peers.push(peer)
      peer.on('data', value => peer.write(value))
    })
    const write = connect(url, Tracked, value => values.push(value))
    const expected = Array.from({ length: 2_000 }, (_, number) => ({ number, text: '!' }))
    for (const [index, value] of expected.entries()) {
      write(value)
      if (index % 100 > 0) continue
      await until(() => server.peers.size > 0)
      // Cuts at changing places: before the welcome, among values, when all is quiet.
      for (let turns = index % 7; turns > 0; turns--) await new Promise(resolve => setImmediate(resolve))
      for (const socket of sockets) socket.resetAndDestroy()
    }
    await until(() => values.length >= expected.length)
    assert.deepEqual(values, expected)
    assert.equal(peers.length, 1)
    const counts = said.filter(text => text.startsWith('!3')).map(text => Number(text.slice(2)))
    assert.ok(expected.length - (counts.at(-1) ?? 0) < 256, 'it owes an acknowledgement for 255 values at most')
  })

  it('answers pings', async () => {
    await start(100)
    const accepted = next()
    const values: unknown[] = []
    connect(url, Tracked, value => values.push(value))
    const peer = await accepted
    peer.write('one')
    await until(() => values.length > 0)
    assert.ok(peer.bufferedBytes > 0)
    await until(() => peer.bufferedBytes === 0)
  })

  it('begins anew after a goodbye that says so, and stays away after another', async () => {
    await start(0)
    const values: unknown[] = []
    const first = next()
    const write = connect(url, Tracked, value => values.push(value))
    const former = await first
    const second = next()
    former.end(4000, 'come back')
    const peer = await second
    peer.on('data', value => peer.write(value))
    write('here again')
    await until(() => values.length > 0)
    assert.deepEqual(values, ['here again'])
    peer.end(4500, 'stay away')
    await until(() => server.peers.size === 0)
    await until(() => opened.every(({ readyState }) => readyState === WebSocket.CLOSED))
    assert.equal(opened.length, 2)
  })
})
