import { createReadStream, promises as fs } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.ico': 'image/x-icon',
  '.wasm': 'application/wasm'
}

/** The file that a request is for; undefined for what lies outside of the folder, or is hidden. */
const locate = (folder: string, url: string): string | undefined => {
  try {
    const path = decodeURIComponent(url.split('?', 1)[0] ?? '')
    if (path.includes('\0') || path.split(/[/\\]/).some(name => name.startsWith('.'))) return undefined
    const file = resolve(join(folder, path))
    return file === folder || file.startsWith(folder.endsWith(sep) ? folder : folder + sep) ? file : undefined
  } catch {
    return undefined
  }
}

interface Found {
  readonly file: string
  readonly size: number
  /** It is the page of the folder that was asked for. */
  readonly index: boolean
}

const find = async (file: string, index = false): Promise<Found | undefined> => {
  const stats = await fs.stat(file).catch(() => undefined)
  if (stats?.isDirectory() && !index) return find(join(file, 'index.html'), true)
  return stats?.isFile() ? { file, size: stats.size, index } : undefined
}

/** Where the relative links of a folder's page begin, as seen from the path without the slash; undefined where it has one. */
const withSlash = (url: string): string | undefined => {
  const [path = ''] = url.split('?', 1)
  const name = path.slice(path.lastIndexOf('/') + 1)
  return name && `./${name}/${url.slice(path.length)}`
}

const refuse = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, { 'Content-Type': 'text/plain', 'X-Content-Type-Options': 'nosniff' }).end(`${text}\n`)
}

/** Makes a request handler that serves the files of a folder, for trying things out. Hidden files it does not serve. */
export const serveFolder = (root: string): ((request: IncomingMessage, response: ServerResponse) => void) => {
  const folder = resolve(root)
  const answer = async ({ method, url = '/' }: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (method !== 'GET' && method !== 'HEAD') return refuse(response, 405, 'Method not allowed')
    const path = locate(folder, url)
    const found = path === undefined ? undefined : await find(path)
    if (!found) return refuse(response, 404, 'Not found')
    const elsewhere = found.index && withSlash(url)
    if (elsewhere) return void response.writeHead(301, { Location: elsewhere }).end()
    response.writeHead(200, {
      'Content-Type': TYPES[extname(found.file).toLowerCase()] ?? 'application/octet-stream',
      'Content-Length': found.size,
      'Cache-Control': 'no-cache',
      'X-Content-Type-Options': 'nosniff'
    })
    if (method === 'HEAD') response.end()
    else await pipeline(createReadStream(found.file), response)
  }
  return (request, response) => {
    answer(request, response).catch(() => response.destroy())
  }
}
