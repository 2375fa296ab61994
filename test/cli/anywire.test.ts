import assert from 'node:assert/strict'
import { promises as fs } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AnywireError, createServer } from '../../index.ts'
import { ERR_UNAUTHORIZED } from '../../lib/failures.ts'
import { run, start } from './run.ts'
import type { Running } from './run.ts'

describe('the command anywire', function () {
  this.timeout(60_000)

  it('explains itself', async () => {
    const { code, stdout } = await run(['--help'])
    assert.equal(code, 0)
    for (const command of ['serve', 'connect', 'bundle', 'store']) {
      assert.match(stdout, new RegExp(`anywire ${command}`))
      const help = await run([command, '--help'])
      assert.equal(help.code, 0)
      assert.match(help.stdout, new RegExp(`^anywire ${command}`))
    }
  })

  it('has the version of the package', async () => {
    const { version } = JSON.parse(await fs.readFile('package.json', 'utf8')) as { version: string }
    assert.deepEqual(await run(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
  })

  const misuses: [args: string[], message: RegExp][] = [
    [[], /^$/],
    [['toString'], /no command 'toString'/],
    [['serve', '--nope'], /'--nope'[\s\S]*anywire serve --help/],
    [['serve', 'extra'], /'extra'/],
    [['serve', '--port', '70000'], /--port takes a number from 0 to 65535, and got '70000'/],
    [['serve', '--path', 'x'], /--path/],
    [['serve', '--path', '/a/..'], /--path/],
    [['serve', '--path', '/./a'], /--path/],
    [['serve', '--echo', '--broadcast'], /not both/],
    [['connect'], /name one URL/],
    [['connect', 'ftp://localhost'], /'ftp:'/],
    [['connect', 'http://:1:2'], /no URL/],
    [['connect', 'localhost', '--parser', 'xml'], /json, msgpack, raw, and not 'xml'/],
    [['connect', 'localhost', '--transformer', 'pigeon'], /'pigeon'/],
    [['connect', 'localhost', '--json', '--raw'], /not both/],
    [['connect', 'localhost', '--auth', '{bad'], /--auth is no JSON, .*in quotes of the shell: '\{"token":"…"\}'/],
    [['connect', 'localhost', '--auth', '{token:secret}'], /^((?!secret)[\s\S])*$/],
    [['serve', '--origin', 'example.com'], /'example\.com': begin with the scheme: 'https:\/\/example\.com'/],
    [['bundle', '--plugins', 'nope'], /no plugin 'nope', but: .*offline, .*reconnect/],
    [['bundle', '--format', 'cjs'], /esm, global, and not 'cjs'/],
    [['bundle', '--import', 'nope'], /name=module/],
    [['bundle', '--sourcemap'], /needs --out/],
    [['store', 'data.db'], /begins with postgres:/],
    [['store', 'postgres://a', 'postgres://b'], /name one URL/],
    [['store', '--schema', ''], /--schema takes a name/]
  ]
  for (const [args, message] of misuses) {
    it(`does not understand anywire ${args.join(' ')}`, async () => {
      const { code, stderr } = await run(args)
      assert.equal(code, 2)
      assert.match(stderr, message)
    })
  }

  describe('serve and connect', () => {
    let server: Running
    let url: string

    before(async () => {
      server = start(['serve', '--port', '0', '--verbose'])
      const [, found = ''] = await server.printed(/^Listening on (http:\/\/localhost:\d+\/anywire)$/)
      url = found
    })

    after(async () => {
      server.interrupt()
      assert.equal((await server.done).code, 0)
    })

    it('talk', async () => {
      const { code, stdout, stderr } = await run(['connect', url], '{"a": [1, null]}\nsome text\n[broken\n\n')
      assert.equal(stdout, '{"a":[1,null]}\n"some text"\n"[broken"\n')
      assert.equal(stderr.match(/not JSON/g)?.length, 1)
      assert.match(stderr, /^open over ws$/m)
      assert.equal(code, 0)
      await server.printed(/^> [\w-]{8} {2}"some text"$/)
      await server.printed(/^- [\w-]{8} {2}1000/)
    })

    it('talk in other parsers', async () => {
      for (const [parser, value] of [
        ['msgpack', '"x"'],
        ['raw', 'x']
      ] as const) {
        const { code, stdout } = await run(['connect', url, '--parser', parser, '--once'], 'x\n')
        assert.deepEqual([code, stdout], [0, `${value}\n`])
      }
    })

    it('send everything in order before the end', async () => {
      const lines = Array.from({ length: 2_000 }, (_, index) => `${index}\n`).join('')
      const { code, stdout } = await run(['connect', url.replace('http://', '')], lines)
      assert.equal(code, 0)
      assert.ok(stdout === lines, 'values are missing, or out of order')
    })

    it('take lines as they are', async () => {
      const { stdout } = await run(['connect', url, '--raw'], '{"a": 1}\n  \n')
      assert.equal(stdout, '{"a": 1}\n  \n')
    })

    it('refuse lines that are not JSON, when told so', async () => {
      const { code, stdout, stderr } = await run(['connect', url, '--json'], 'nope\n1\n')
      assert.deepEqual([code, stdout], [1, '1\n'])
      assert.match(stderr, /not JSON, and not sent: nope/)
    })

    it('end when interrupted', async () => {
      const client = start(['connect', url, '--listen'])
      await client.told(/^open/)
      client.interrupt()
      assert.equal((await client.done).code, 0)
    })

    it('show the page, and the client for it', async () => {
      const response = await fetch(new URL('/', url))
      assert.match(await response.text(), /from "\/anywire\/client\.js"/)
      assert.equal((await fetch(new URL('/other', url))).status, 404)
      assert.match((await fetch(`${url}/client.js`)).headers.get('x-content-type-options') ?? '', /nosniff/)
    })

    it('do not share a port', async () => {
      const { code, stderr } = await run(['serve', '--port', new URL(url).port])
      assert.equal(code, 1)
      assert.match(stderr, /port \d+ is taken: name another one with --port/)
    })
  })

  it('broadcasts to all others', async () => {
    const server = start(['serve', '--port', '0', '--broadcast', '--path', '/live'])
    const [, url = ''] = await server.printed(/^Listening on (http:\/\/localhost:\d+\/live)$/)
    const reader = start(['connect', url, '--once', '--listen'])
    await reader.told(/^open/)
    assert.equal((await run(['connect', url], '{"to":"all"}\n')).stdout, '')
    const { code, stdout } = await reader.done
    assert.deepEqual([code, stdout], [0, '{"to":"all"}\n'])
    server.interrupt()
    await server.done
  })

  it('says when the server shuts down, comes back, and has lost nothing that was written meanwhile', async () => {
    const first = start(['serve', '--port', '0'])
    const [, url = '', port = ''] = await first.printed(/^Listening on (http:\/\/localhost:(\d+)\/anywire)$/)
    const client = start(['connect', url, '--attempts', '100'])
    await client.told(/^open/)
    first.interrupt()
    await client.told(/^session lost: 3000 /)
    await client.told(/^retry 1 in \d+\.\d s$/)
    await first.done
    client.end('"meanwhile"\n')
    const second = start(['serve', '--port', port])
    const { code, stdout } = await client.done
    assert.deepEqual([code, stdout], [0, '"meanwhile"\n'])
    second.interrupt()
    await second.done
  })

  it('gives up after so many attempts', async () => {
    const { code, stdout, stderr } = await run(['connect', 'http://127.0.0.1:1', '--attempts', '1'], '1\n')
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /not connected over ws: 1006 .*ECONNREFUSED[\s\S]*retry 1 in[\s\S]*closed: 1006/)
    assert.match(stderr, /^given up after 1 retry: --attempts says how many$/m)
    const once = await run(['connect', 'http://127.0.0.1:1', '--attempts', '0'])
    assert.match(once.stderr, /^given up after 0 retries: --attempts says how many$/m)
  })

  it('shows its credentials, and fails where they are refused', async () => {
    const server = createServer({
      port: 0,
      host: '127.0.0.1',
      client: false,
      authenticate({ auth }) {
        if (auth === 'secret') return { user: 'x' }
        throw new AnywireError(ERR_UNAUTHORIZED, `got ${JSON.stringify(auth)}`)
      }
    })
    server.on('connection', peer => peer.write('welcome'))
    await new Promise(resolve => server.http?.once('listening', resolve))
    const address = server.http?.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    const refused = await run(['connect', url, '--auth', '{"user":1}'])
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /closed: 3502 .*got \{"user":1\}/)
    assert.equal((await run(['connect', url, '--once', '--auth', '"secret"'])).stdout, '"welcome"\n')
    process.env['ANYWIRE_AUTH'] = 'secret'
    assert.equal((await run(['connect', url, '--once'])).stdout, '"welcome"\n')
    delete process.env['ANYWIRE_AUTH']
    await server.close()
  })

  describe('bundle', () => {
    let folder: string

    before(async () => {
      folder = await fs.mkdtemp(join(tmpdir(), 'anywire-cli-'))
      await fs.writeFile(join(folder, 'mine.js'), `export const make = () => ({ name: 'mine', version: 1 })`)
    })

    after(() => fs.rm(folder, { recursive: true }))

    it('writes a bundle and its map, and says how large it is', async () => {
      const out = join(folder, 'made', 'client.js')
      const mine = `mine=${join(folder, 'mine.js')}#make`
      const parts = ['--transformers', 'ws', '--plugins', 'reconnect, mine', '--parser', 'raw', '--import', mine]
      const { code, stderr } = await run([
        'bundle',
        ...parts,
        '--format',
        'global',
        '--global',
        'live',
        '--out',
        out,
        '--sourcemap'
      ])
      assert.equal(code, 0)
      assert.match(stderr, /client\.js: [\d.]+ KB, gzip [\d.]+ KB, brotli [\d.]+ KB\n$/)
      const text = await fs.readFile(out, 'utf8')
      assert.ok(/\blive=/.test(text) && text.endsWith('//# sourceMappingURL=client.js.map\n'))
      assert.match(await fs.readFile(join(folder, 'made', 'client.d.ts'), 'utf8'), /\bvar live: \{/)
      const { sources } = JSON.parse(await fs.readFile(`${out}.map`, 'utf8')) as { sources: string[] }
      assert.ok(sources.some(source => source.endsWith('mine.js')))
    })

    it('prints it otherwise', async () => {
      const { code, stdout } = await run(['bundle', '--plugins', '', '--no-minify'])
      assert.equal(code, 0)
      assert.ok(/^export \{$/m.test(stdout) && !/offline/.test(stdout))
    })

    it('names esbuild where it is missing', async () => {
      const hook = `export const resolve = (name, context, next) => {
        if (name === 'esbuild' && context.parentURL.includes('/bundle/')) throw new Error('not found')
        return next(name, context)
      }`
      const url = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`
      const preload = url(`import { register } from 'node:module'; register(${JSON.stringify(url(hook))})`)
      const running = start(['bundle'], preload)
      running.end()
      const { code, stderr } = await running.done
      assert.equal(code, 1)
      assert.match(stderr, /An optional package is not installed: npm install --save-dev esbuild/)
    })
  })
})
