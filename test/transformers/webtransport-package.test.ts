import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { program } from '../support/program.ts'

/** The file of a part, in these tests' own language. */
const fileOf = (part: string): string => program(part).at(-1) ?? ''

const PART = 'transformers/webtransport/index.ts'

interface Outcome {
  readonly stdout: string
  readonly stderr: string
}

/** Runs a module in a process of its own. */
const run = (file: string): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const flags = program(PART).slice(0, -1)
    execFile(process.execPath, [...flags, file], (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}: ${stderr}`))
      else resolve({ stdout, stderr })
    })
  })

describe('webtransport: the package', function () {
  this.timeout(60_000)
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'anywire-webtransport-'))
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  })

  afterEach(() => rm(folder, { recursive: true }))

  const write = async (code: string): Promise<string> => {
    const file = join(folder, 'test.js')
    await writeFile(file, code)
    return file
  }

  it('is named where it is missing, and not missed before it is used', async () => {
    const root = join(fileOf(PART), '../../..')
    for (const part of ['lib', 'transformers/webtransport']) {
      await cp(join(root, part), join(folder, part), { recursive: true })
    }
    const { stdout } = await run(
      await write(`
        import { generateCertificate, webtransport } from './transformers/webtransport/${basename(fileOf(PART))}'
        const wires = webtransport({ port: 0, ...generateCertificate() })
        const tell = act => {
          try {
            act()
          } catch (error) {
            console.log(error.code, error.message)
          }
        }
        tell(() => wires.listen({ path: '/', limit: 1 }, () => ({})))
        tell(() => wires.dial(new URL('https://localhost'), {}, new AbortController().signal))
        // Other servers of sessions need nothing of it.
        tell(() => webtransport({ sessions: { listen: async () => ({ port: 1, close() {} }) } }).listen({}, {}))
      `)
    )
    const line =
      'ERR_MISSING_PACKAGE An optional package is not installed: npm install @fails-components/webtransport\n'
    assert.equal(stdout, line + line)
  })

  it('keeps quiet about what it can do without, and lets the process end', async () => {
    const part = (path: string): string => JSON.stringify(pathToFileURL(fileOf(path)).href)
    const { stdout, stderr } = await run(
      await write(`
        import { connect, createServer } from ${part('core.ts')}
        import { json } from ${part('parsers/json.ts')}
        import { generateCertificate, webtransport } from ${part(PART)}
        const certificate = generateCertificate()
        const wires = webtransport({ port: 0, host: '127.0.0.1', ...certificate })
        const server = createServer(undefined, { transformers: [wires], parsers: [json()] })
        console.log('said meanwhile')
        const port = await wires.listening
        const serverCertificateHashes = [{ algorithm: 'sha-256', value: certificate.hash }]
        const client = connect('https://127.0.0.1:' + port, {
          transformers: [webtransport({ serverCertificateHashes })],
          parser: json()
        })
        await new Promise(resolve => client.on('open', resolve))
        await server.close({ reconnect: false })
        const over = performance.now()
        process.on('exit', () => console.log(performance.now() - over < 4_000 ? 'ended' : 'lingered'))
      `)
    )
    assert.equal(stderr, '')
    assert.equal(stdout, 'said meanwhile\nended\n')
  })
})
