import { createHash } from 'node:crypto'
import { promises as fs } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AnywireError } from '../errors.ts'
import { ERR_OPTION } from '../failures.ts'
import { chooseEncoding, encodeBody } from './encoding.ts'
import type { Encoding } from './encoding.ts'
import type { HttpRequest } from './http.ts'
import type { RequestHandler } from './listener.ts'
import type { ClientBundle } from './options.ts'

interface ClientFile {
  readonly content: Buffer
  readonly hash: string
  readonly encoded: Map<Encoding, Promise<Buffer>>
}

interface Loaded {
  /** Differs once the file has changed. */
  readonly stamp: string
  readonly file: Promise<ClientFile>
}

const YEAR = 'public, max-age=31536000, immutable'

const MISSING =
  'The client is not there. In a clone of anywire, run: npm run build. ' +
  'Elsewhere, see the option "client" of createServer.\n'

const makeFile = (content: Buffer): ClientFile => ({
  content,
  hash: createHash('sha256').update(content).digest('base64url').slice(0, 16),
  encoded: new Map()
})

/** Files in memory, read again when they have changed, and compressed once for each encoding that is asked for. */
class Files {
  readonly #loaded = new Map<string, Loaded>()

  async get(path: string): Promise<ClientFile> {
    const { mtimeMs, size } = await fs.stat(path)
    const stamp = `${mtimeMs} ${size}`
    const known = this.#loaded.get(path)
    if (known?.stamp === stamp) return known.file
    const file = fs.readFile(path).then(makeFile)
    this.#loaded.set(path, { stamp, file })
    file.catch(() => this.#loaded.delete(path))
    return file
  }

  body({ content, encoded }: ClientFile, encoding: Encoding): Promise<Buffer> {
    let body = encoded.get(encoding)
    if (!body) encoded.set(encoding, (body = encodeBody(content, encoding)))
    return body
  }
}

/** Which file is served under which name. */
const nameFiles = (location: string | URL): Map<string, string> => {
  const path = location instanceof URL ? fileURLToPath(location) : location
  const maps = (name: string, file: string): [string, string][] => [
    [name, file],
    [`${name}.map`, `${file}.map`]
  ]
  if (!/\.[cm]?js$/.test(path))
    return new Map(['client.js', 'client.global.js'].flatMap(name => maps(name, join(path, name))))
  // The file names its source map by its own name.
  return new Map([...maps(basename(path), path), ...maps('client.js', path)])
}

const isKnown = (header: string | undefined, hash: string): boolean =>
  header?.split(',').some(tag => ['*', `"${hash}"`].includes(tag.trim().replace(/^W\//, ''))) ?? false

/** Tells where no client is, one of several names being enough. It may still be built: requests look again. */
const miss = async (files: readonly string[], missing: (error: AnywireError) => void): Promise<void> => {
  try {
    await Promise.any(files.map(file => fs.access(file)))
  } catch (error) {
    missing(new AnywireError(ERR_OPTION, `'client': there is no ${resolve(files[0] ?? '')}`, error))
  }
}

/**
 * Makes what answers requests for the client below `path`. It is public code: pages of all origins may load it.
 * @param missing - called where there is none
 * @returns a request handler, which returns whether the request was one for the client
 */
export const serveClient = (
  path: string,
  client: ClientBundle | string | URL,
  missing: (error: AnywireError) => void
): RequestHandler => {
  const { location, version }: ClientBundle =
    typeof client === 'string' || client instanceof URL ? { location: client } : client
  const names = nameFiles(location)
  void miss(
    [...names.values()].filter(file => !file.endsWith('.map')),
    missing
  )
  const files = new Files()
  const folder = path.endsWith('/') ? path : `${path}/`
  const answer = async (request: HttpRequest, response: ServerResponse, name: string, query: string): Promise<void> => {
    response.setHeader('X-Content-Type-Options', 'nosniff')
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { Allow: 'GET, HEAD', 'Content-Length': 0 }).end()
      return
    }
    const end = (status: number, headers: Record<string, string>, body: Buffer): void => {
      response.writeHead(status, { ...headers, 'Content-Length': body.length })
      response.end(request.method === 'HEAD' ? undefined : body)
    }
    const file = await files.get(names.get(name) ?? '').catch(() => undefined)
    if (!file) return end(404, { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store' }, Buffer.from(MISSING))
    const asked = new URLSearchParams(query).get('v')
    const encoding = chooseEncoding(request.headers['accept-encoding']?.toString())
    const headers = {
      'Access-Control-Allow-Origin': '*',
      'Cache-Control': asked && [version, file.hash].includes(asked) ? YEAR : 'no-cache',
      'Cross-Origin-Resource-Policy': 'cross-origin',
      // Weak: one for all encodings.
      ETag: `W/"${file.hash}"`,
      Vary: 'Accept-Encoding'
    }
    if (isKnown(request.headers['if-none-match']?.toString(), file.hash)) {
      response.writeHead(304, headers).end()
      return
    }
    const type = name.endsWith('.map') ? 'application/json' : 'text/javascript'
    const body = await files.body(file, encoding)
    const coding = encoding === 'identity' ? {} : { 'Content-Encoding': encoding }
    end(200, { ...headers, ...coding, 'Content-Type': `${type}; charset=utf-8` }, body)
  }
  return (request, response) => {
    const [pathname = '', query = ''] = (request.url ?? '').split('?', 2)
    const name = pathname.slice(folder.length)
    if (!pathname.startsWith(folder) || !names.has(name)) return false
    // What Node's request event comes with.
    const reply = response as ServerResponse
    answer(request, reply, name, query).catch(() => reply.destroy())
    return true
  }
}
