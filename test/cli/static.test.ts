import assert from 'node:assert/strict'
import { once } from 'node:events'
import { promises as fs } from 'node:fs'
import { createServer, request } from 'node:http'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serveFolder } from '../../cli/static.ts'

describe('serve --static', () => {
  let folder: string
  let http: Server

  before(async () => {
    folder = await fs.mkdtemp(join(tmpdir(), 'anywire-static-'))
    await fs.mkdir(join(folder, 'root/sub'), { recursive: true })
    await fs.mkdir(join(folder, 'root/site'))
    await fs.writeFile(join(folder, 'root/site/index.html'), '<p>site')
    await fs.writeFile(join(folder, 'secret.txt'), 'secret')
    await fs.writeFile(join(folder, 'root/.env'), 'secret')
    await fs.writeFile(join(folder, 'root/index.html'), '<p>home')
    await fs.writeFile(join(folder, 'root/sub/a b.js'), 'export {}')
    http = createServer(serveFolder(join(folder, 'root')))
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
  })

  after(async () => {
    http.close()
    await fs.rm(folder, { recursive: true })
  })

  /** As it stands, without what a URL class would make of it. */
  const ask = (path: string, method = 'GET'): Promise<string> => {
    const address = http.address()
    const port = typeof address === 'object' ? address?.port : undefined
    return new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path, method, agent: false }, response => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        const { 'content-type': type, location } = response.headers
        response.on('end', () => resolve(`${response.statusCode} ${location ?? type} ${text}`))
      })
      sent.on('error', reject).end()
    })
  }

  it('serves files', async () => {
    assert.equal(await ask('/'), '200 text/html; charset=utf-8 <p>home')
    assert.equal(await ask('/index.html?x=1', 'HEAD'), '200 text/html; charset=utf-8 ')
    assert.equal(await ask('/sub/a%20b.js'), '200 text/javascript; charset=utf-8 export {}')
  })

  it('has relative links of a folder begin there', async () => {
    assert.equal(await ask('/site/'), '200 text/html; charset=utf-8 <p>site')
    assert.equal(await ask('/?x=1'), '200 text/html; charset=utf-8 <p>home')
    assert.equal(await ask('/site?x=/1'), '301 ./site/?x=/1 ')
    // Not to another host.
    assert.equal(await ask('//site'), '301 ./site/ ')
  })

  for (const path of [
    '/nope',
    '/sub',
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/sub/..%5c..%5csecret.txt',
    '/.env',
    '/%00',
    '/%'
  ]) {
    it(`has no ${path}`, async () => assert.match(await ask(path), /^404 /))
  }

  it('takes no POST', async () => assert.match(await ask('/', 'POST'), /^405 /))
})
