/* The to-dos' server: a part of npm start. TODOS_PORT chooses another port, TODOS_DATA another folder. */
import { mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { join } from 'node:path'
import { createServer } from 'anywire'
import { presence } from 'anywire/plugins/presence'
import { records } from 'anywire/plugins/records'
import { sqlite } from 'anywire/stores/sqlite'
import { build } from 'esbuild'
import { LONGEST } from './lists.ts'
import type { TodoRecords } from './lists.ts'

const PORT = Number(process.env['TODOS_PORT'] ?? 8081)
const FOLDER = process.env['TODOS_DATA'] ?? join(import.meta.dirname, '.data')

const { outputFiles } = await build({
  entryPoints: [join(import.meta.dirname, 'page.ts')],
  bundle: true,
  format: 'esm',
  minify: true,
  write: false
})

const read = (name: string): Promise<Uint8Array> => readFile(join(import.meta.dirname, 'public', name))
const files: Readonly<Record<string, readonly [type: string, content: Uint8Array | undefined]>> = {
  '/': ['text/html; charset=utf-8', await read('index.html')],
  '/style.css': ['text/css; charset=utf-8', await read('style.css')],
  '/page.js': ['text/javascript; charset=utf-8', outputFiles[0]?.contents]
}

const http = createHttpServer(({ url = '/' }, response) => {
  const [type, content] = files[url] ?? []
  if (!content) return void response.writeHead(404, { 'content-type': 'text/plain' }).end('Not found')
  response.writeHead(200, { 'content-type': type, 'content-security-policy': `default-src 'self'; img-src data:` })
  response.end(content)
})

const isText = (text: unknown): boolean => typeof text === 'string' && text.length > 0 && text.length <= LONGEST

mkdirSync(FOLDER, { recursive: true })
const server = createServer(http, {
  plugins: [
    presence(),
    records<TodoRecords>({
      store: sqlite(join(FOLDER, 'todos.db')),
      collections: {
        'lists/': {
          validate: list => {
            if (!isText((list as Partial<{ name: unknown }>).name))
              throw new Error(`a name has 1 to ${LONGEST} characters`)
          }
        }
      }
    })
  ]
})

http.on('error', error => {
  console.error(`No to-dos: ${error.message}. TODOS_PORT chooses another port.`)
  void server.close()
})
http.listen(PORT, () => {
  const address = http.address()
  const port = typeof address === 'object' && address ? address.port : PORT
  console.log(`The to-dos are at http://localhost:${port}: open it in two windows.\nThey are kept in ${FOLDER}`)
})

const stop = async (): Promise<void> => {
  await server.close({ timeout: 2_000, reconnect: 1_000 })
  http.close()
  http.closeAllConnections()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())
