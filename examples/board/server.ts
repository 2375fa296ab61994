/* The board's server: npm start. PORT chooses another port, BOARD_DATA another folder for what is on the board. */
import { readFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { dirname, extname, join } from 'node:path'
import { createServer } from 'anywire'
import type { Peer as AnyPeer } from 'anywire'
import { openBoard } from './board.ts'
import { parseValue } from './values.ts'
import type { ClientValue, Person, ServerValue } from './values.ts'
import { openWires, writeClient } from './wires.ts'

const PUBLIC = join(import.meta.dirname, 'public')
const FILE = join(process.env['BOARD_DATA'] ?? join(import.meta.dirname, '.data'), 'board.json')
const PORT = Number(process.env['PORT'] ?? 8080)

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml'
}

const { transformers, names, target } = await openWires()

/** Serves the files of public/. None of them lies in a folder, so no path leads out of it. */
const serveFile = async ({ url = '/' }: IncomingMessage, response: ServerResponse): Promise<void> => {
  if (url === '/wires.json') {
    response.writeHead(200, { 'content-type': 'application/json' })
    return void response.end(JSON.stringify((await target?.()) ?? {}))
  }
  const [, name] = /^\/([a-z]*\.?[a-z]*)(?:\?|$)/.exec(url) ?? []
  const file = name === '' ? 'index.html' : name
  const type = file && TYPES[extname(file)]
  const content = type && (await readFile(join(PUBLIC, file)).catch(() => undefined))
  if (!content) return void response.writeHead(404, { 'content-type': 'text/plain' }).end('Not found')
  response.writeHead(200, {
    'content-type': type,
    'cache-control': 'no-cache',
    'content-security-policy': `default-src 'self'${target ? "; connect-src 'self' https:" : ''}`
  })
  response.end(content)
}

const http = createHttpServer((request, response) => void serveFile(request, response))
const server = createServer(http, { transformers, client: await writeClient(dirname(FILE), names) })

const board = await openBoard(FILE, change => server.peers.broadcast(change satisfies ServerValue))

/** Nobody signs in, so there is no context. */
type Peer = AnyPeer<undefined>

/** Who is here. Those whose wire was cut are, for as long as they may come back. */
const people = new Map<Peer, Person>()

let telling: NodeJS.Timeout | undefined
/** Tells everybody who is here; once for all who come and go in the same moment. */
const tellPeople = (): void => {
  telling ??= setTimeout(() => {
    telling = undefined
    const list = [...people].map(([peer, person]) => ({ id: peer.id, ...person, away: peer.state !== 'open' }))
    server.peers.broadcast({ type: 'people', people: list } satisfies ServerValue)
  }, 30)
}

const handle = (peer: Peer, value: ClientValue): void => {
  const answer = (answered: ServerValue): void => void peer.write(answered)
  const pass = (passed: ServerValue): void => void server.peers.broadcast(passed, { reliable: false, except: peer })
  switch (value.type) {
    case 'join':
      people.set(peer, { name: value.name, color: value.color })
      answer({ type: 'snapshot', ...board.snapshot(), known: value.pending.filter(id => board.knows(id)) })
      return tellPeople()
    case 'cursor':
      return pass({ ...value, who: peer.id })
    case 'drag':
      return pass(value)
    case 'flood':
      return answer(value)
    case 'cut':
      return peer.disconnect()
    case 'add':
    case 'edit':
    case 'remove':
    case 'say':
      // All hear of the change when it is saved, this one included.
      if (!board.change(value)) answer({ type: 'full', id: value.id })
  }
}

server.on('connection', peer => {
  peer.on('data', data => {
    const value = parseValue(data)
    if (value) handle(peer, value)
    else peer.destroy(4500, 'no page of this server sends such a value')
  })
  peer.on('disconnect', tellPeople)
  peer.on('open', ({ recovered }) => recovered && tellPeople())
  peer.on('close', () => people.delete(peer) && tellPeople())
})

http.on('error', (error: NodeJS.ErrnoException) => {
  const taken = error.code === 'EADDRINUSE'
  console.error(taken ? `Port ${PORT} is taken. Choose another one: PORT=${PORT + 1} npm start` : error.message)
  process.exit(1)
})
http.listen(PORT, () => {
  const address = http.address()
  const port = typeof address === 'object' && address ? address.port : PORT
  console.log(`The board is at http://localhost:${port} — open it in two tabs.\nIt is kept in ${FILE}`)
})

const stop = async (): Promise<void> => {
  await server.close({ timeout: 2_000, reconnect: 1_000 })
  await board.settled()
  http.close()
  http.closeAllConnections()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())
