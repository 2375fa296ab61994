/* Shared to-do lists, which work offline: npm start. TODOS_PORT chooses another port, TODOS_DATA another folder for the database. */
import { mkdir, readFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join } from 'node:path'
import { createServer } from 'anywire'
import { presence } from 'anywire/plugins/presence'
import { records } from 'anywire/plugins/records'
import { sqlite } from 'anywire/stores/sqlite'
import { build } from 'esbuild'
import type { App } from './page/model.ts'
import { check } from './rules.ts'

const FOLDER = process.env['TODOS_DATA'] ?? join(import.meta.dirname, '.data')
const PUBLIC = join(import.meta.dirname, 'public')
const PORT = Number(process.env['TODOS_PORT'] ?? 8081)

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml'
}

await mkdir(FOLDER, { recursive: true })
await build({
  entryPoints: [join(import.meta.dirname, 'page/app.ts')],
  outfile: join(FOLDER, 'app.js'),
  bundle: true,
  format: 'esm',
  minify: true,
  logLevel: 'warning'
})

const serveFile = async ({ url = '/' }: IncomingMessage, response: ServerResponse): Promise<void> => {
  // None of the files lies in a folder, so no path leads out of it.
  const [, name] = /^\/([a-z]*\.?[a-z]*)(?:\?|$)/.exec(url) ?? []
  const file = name === '' ? 'index.html' : (name ?? '')
  const type = TYPES[extname(file)]
  const folder = file === 'app.js' ? FOLDER : PUBLIC
  const content = type && (await readFile(join(folder, file)).catch(() => undefined))
  if (!content) return void response.writeHead(404, { 'content-type': 'text/plain' }).end('Not found')
  const headers = { 'content-type': type, 'cache-control': 'no-cache', 'content-security-policy': `default-src 'self'` }
  response.writeHead(200, headers).end(content)
}

const http = createHttpServer((request, response) => void serveFile(request, response))

const server = createServer(http, {
  plugins: [
    records<App>({ store: sqlite(join(FOLDER, 'todos.db')), collections: { 'lists/': { validate: check } } }),
    presence({ interval: 100 })
  ]
})

http.on('error', (error: NodeJS.ErrnoException) => {
  const taken = error.code === 'EADDRINUSE'
  console.error(taken ? `Port ${PORT} is taken. Choose another one: TODOS_PORT=${PORT + 1} npm start` : error.message)
  process.exit(1)
})
http.listen(PORT, () => {
  const address = http.address()
  const port = typeof address === 'object' && address ? address.port : PORT
  console.log(
    `To-do lists are at http://localhost:${port} — take one tab offline, and go on.\nThey are kept in ${FOLDER}`
  )
})

const stop = async (): Promise<void> => {
  await server.close({ timeout: 2_000, reconnect: 1_000 })
  http.close()
  http.closeAllConnections()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())
