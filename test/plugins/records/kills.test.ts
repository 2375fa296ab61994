import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createPlainServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { connect } from '../../../index.ts'
import { records } from '../../../plugins/records/index.ts'
import { bundled } from '../../support/bundled.ts'
import { isThorough } from '../../support/faults-seed.ts'
import { turns } from '../../support/faults-wait.ts'

type Board = Readonly<Record<string, number>>

const freePort = async (): Promise<number> => {
  const server = createPlainServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A process that is killed, and started again. */
class Mortal {
  readonly #args: readonly string[]
  #child: ChildProcess | undefined
  /** The lines that it printed, in all its lives. */
  readonly lines: string[] = []
  #errors = ''
  #checks = new Set<() => void>()

  constructor(...args: readonly string[]) {
    this.#args = args
  }

  async start(): Promise<void> {
    const before = this.lines.length
    this.#errors = ''
    const child = spawn(process.execPath, this.#args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    child.stderr.on('data', text => (this.#errors += String(text)))
    createInterface({ input: child.stdout }).on('line', line => {
      this.lines.push(line)
      for (const check of this.#checks) check()
    })
    child.once('close', () => {
      for (const check of this.#checks) check()
    })
    await this.printed(before + 1)
  }

  /** Waits until it has printed so many lines in all. */
  printed(count: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const isOver = this.#child?.exitCode !== null
        if (this.lines.length < count && !isOver) return
        this.#checks.delete(check)
        if (this.lines.length < count) reject(new Error(`it ended: ${this.#errors}`))
        else resolve()
      }
      this.#checks.add(check)
      check()
    })
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
  }
}

describe('records: processes that are killed', function () {
  this.timeout(60_000)
  let folder: string
  let port: number
  let server: Mortal
  const worker = pathToFileURL(bundled('stores/sqlite/worker.ts')).href
  const serverFile = bundled('test/support/records-server.ts')
  const clientFile = bundled('test/support/records-client.ts')

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'anywire-'))
    port = await freePort()
    server = new Mortal(serverFile, String(port), join(folder, 'server.db'), worker)
    await server.start()
  })
  afterEach(async () => {
    await server.kill()
    rmSync(folder, { recursive: true })
  })

  const enter = () => connect(`http://127.0.0.1:${port}`, { reconnect: { min: 5, max: 50 }, plugins: [records()] })

  it('a server: every write settles once, and what was durable is there', async () => {
    const clients = [enter(), enter(), enter()]
    const boards = clients.map(client => client.records.get<Board>('board'))
    const durable = boards.map(() => 0)
    let settled = 0
    let written = 0
    const writes: Promise<unknown>[] = []
    for (let kill = 0; kill < (isThorough ? 3 : 1); kill++) {
      for (let write = 0; write < 20; write++) {
        for (const [at, board] of boards.entries()) {
          const number = ++written
          writes.push(
            board.set(`f${at}`, number).durable.then(() => {
              durable[at] = Math.max(durable[at] ?? 0, number)
              settled++
            })
          )
        }
        await turns(2)
      }
      const told = [...durable]
      await server.kill()
      await server.start()
      const late = enter()
      const board = late.records.get<Board>('board')
      await board.when.synced
      for (const [at, number] of told.entries()) assert.ok((board.get()?.[`f${at}`] ?? 0) >= number)
      late.destroy()
    }
    await Promise.all(writes)
    assert.equal(settled, written)
    const expected = Object.fromEntries(durable.map((number, at) => [`f${at}`, number]))
    for (const board of boards) {
      for await (const value of board) if (durable.every((number, at) => value?.[`f${at}`] === number)) break
      assert.deepEqual(board.get(), expected)
    }
    for (const client of clients) client.destroy()
  })

  it('a client: what it had stored reaches the server in its next life', async () => {
    const client = new Mortal(clientFile, `http://127.0.0.1:${port}`, join(folder, 'client.db'), worker, 'mine')
    for (let life = 0; life < (isThorough ? 3 : 2); life++) {
      // In every other life there is no server.
      if (life % 2) await server.kill()
      await client.start()
      await client.printed(client.lines.length + 20)
      await client.kill()
      if (life % 2) await server.start()
    }
    const stored = Math.max(...client.lines.map(Number))
    await client.start()
    const reader = enter()
    const board = reader.records.get<Board>('board')
    for await (const value of board) if ((value?.['mine'] ?? 0) >= stored) break
    await client.kill()
    reader.destroy()
  })
})
