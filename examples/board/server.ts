/* The board's server: npm start. PORT chooses another port, BOARD_DATA another folder for what is on the board. */
import { readFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { dirname, extname, join } from 'node:path'
import { createServer } from 'anywire'
import { http as httpApi } from 'anywire/plugins/http'
import { permissions } from 'anywire/plugins/permissions'
import { presence } from 'anywire/plugins/presence'
import { pubsub } from 'anywire/plugins/pubsub'
import { rpc } from 'anywire/plugins/rpc'
import { makeActions } from './actions.ts'
import type { Caller } from './actions.ts'
import { MOST_MESSAGES, openBoard } from './board.ts'
import { isHere, parseValue } from './values.ts'
import type { Change, Value } from './values.ts'
import { openWires, writeClient } from './wires.ts'

const PUBLIC = join(import.meta.dirname, 'public')
const FILE = join(process.env['BOARD_DATA'] ?? join(import.meta.dirname, '.data'), 'board.json')
/** With it other programs may announce something, by HTTP. */
const KEY = process.env['BOARD_KEY']
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

/** Only what is in the file is told to anybody: it will still be there tomorrow. */
const board = await openBoard(FILE, change => {
  actions.saved(change.id)
  tell(change)
})
const actions = makeActions(board)

const server = createServer(http, {
  transformers,
  client: await writeClient(dirname(FILE), names),
  // Nobody signs in.
  authenticate: (): Caller => ({ app: 'page' }),
  plugins: [
    // Everything else is denied: nobody but the server publishes, for example.
    permissions<Caller>({
      pubsub: { subscribe: true, history: true },
      presence: { enter: { board: ({ value }) => isHere(value) }, watch: { board: true } },
      rpc: { call: { '>': true, announce: ({ context }) => context.app === 'key' } }
    }),
    presence(),
    pubsub({
      topics: {
        chat: { history: { size: MOST_MESSAGES } },
        notes: { history: { size: 1_000 } },
        away: { retain: true }
      }
    }),
    rpc(actions.router),
    httpApi<Caller>({
      authenticate: ({ headers }) => KEY !== undefined && headers.authorization === `Bearer ${KEY}` && { app: 'key' }
    })
  ]
})
export type Api = typeof server

const tell = (change: Change): void => void server.pubsub.publish(change.type === 'say' ? 'chat' : 'notes', change)

// The history of a topic is kept in memory: what the file has comes first.
for (const message of board.snapshot().messages) tell({ type: 'say', ...message })

let telling: NodeJS.Timeout | undefined
/** Tells whose wires are cut: they are here for as long as they may come back. Once for all in the same moment. */
const tellAway = (): void => {
  telling ??= setTimeout(() => {
    telling = undefined
    const ids = [...server.peers].flatMap(({ id, state }) => (state === 'open' ? [] : [id]))
    server.pubsub.publish('away', ids)
  }, 30)
}

server.on('connection', peer => {
  peer.on('data', data => {
    const value: Value | undefined = parseValue(data)
    if (value?.type === 'flood') peer.write(value)
    else if (value) server.peers.broadcast(value, { reliable: false, except: peer })
    else peer.destroy(4500, 'no page of this server sends such a value')
  })
  peer.on('disconnect', tellAway)
  peer.on('open', ({ recovered }) => recovered && tellAway())
  peer.on('close', tellAway)
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
