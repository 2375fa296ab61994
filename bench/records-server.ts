import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createHttp } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer } from '../dist/core.js'
import { json } from '../dist/parsers/json.js'
import { encodeFrame } from '../dist/plugins/records/core/client-codec.js'
import { records } from '../dist/plugins/records/index.js'
import { Authority } from '../dist/plugins/records/server/authority.js'
import { memory } from '../dist/stores/memory.js'
import { sqlite } from '../dist/stores/sqlite/index.js'
import { ws } from '../dist/transformers/ws/index.js'
import { followers } from './records-followers.ts'

/*
 * What an authority can do: durable writes for a second of CPU, and what a record costs for each of 500 followers, as a ratio to a plain
 * broadcast of the same bytes in the same run.
 *
 *     npm run build && node --import tsx bench/records-server.ts
 */

const FOLLOWERS = 500
const ROUNDS = 5
const WRITERS = 20
const WRITES = 2_000

const write = (node: string, number: number, record: string, t: number): Uint8Array =>
  encodeFrame({
    type: 'write',
    node,
    number,
    atomic: false,
    conditions: [],
    records: [
      {
        record,
        registers: [
          { path: '', kind: 1, value: undefined, t: 0, node: '' },
          { path: 'text', kind: 0, value: `${number} ${'x'.repeat(60)}`, t, node }
        ]
      }
    ]
  })

const hello = (node: string): Uint8Array =>
  encodeFrame({
    type: 'hello',
    version: 1,
    secret: `secret-of-${node}`,
    schema: undefined,
    asked: 0,
    nodes: [[node, 1]],
    follows: []
  })

const say = (text: string): boolean => process.stdout.write(`${text}\n`)

const fail = (error: unknown): void => {
  throw new Error('the authority failed', { cause: error })
}

/** Durable, acknowledged writes for a second of CPU: some writers, each with 100 of them on their way, to 100 records. */
const throughput = async (store: ReturnType<typeof memory>): Promise<number> => {
  const authority = new Authority(store, { now: () => Date.now(), seal: secret => secret, failed: fail })
  await authority.open()
  const usage = process.cpuUsage()
  await Promise.all(
    Array.from({ length: WRITERS }, (_, writer) => {
      const node = `writer${writer}`
      let sent = 0
      let acknowledged = 0
      return new Promise<void>(resolve => {
        const more = (): void => {
          acknowledged = authority.counters.writes / WRITERS
          while (sent < WRITES && sent - acknowledged < 100) {
            follower.receive(write(node, ++sent, `a/${(sent * 7 + writer) % 100}`, Date.now() * 2048 + sent))
          }
          if (authority.counters.writes >= WRITES * WRITERS) resolve()
        }
        const follower = authority.connect({
          peer: undefined,
          send: () => {
            queueMicrotask(more)
            return true
          },
          fail
        })
        follower.receive(hello(node))
      })
    })
  )
  const { user, system } = process.cpuUsage(usage)
  await authority.close()
  return Math.round((WRITES * WRITERS * 1_000_000) / (user + system))
}

const folder = mkdtempSync(join(tmpdir(), 'anywire-bench-'))
try {
  say(`memory: ${await throughput(memory())} durable writes for a second of CPU`)
  // Where there is no SQLite, there is nothing to measure.
  const found = await throughput(sqlite(join(folder, 'bench.db'))).catch((error: unknown) => String(error))
  say(`sqlite: ${found} durable writes for a second of CPU`)
} finally {
  rmSync(folder, { recursive: true })
}

const http = createHttp()
const server = createServer(http, { transformers: [ws()], parsers: [json()], plugins: [records({ store: memory() })] })
await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
const { port } = http.address() as AddressInfo
const clients = followers(`http://127.0.0.1:${port}`, FOLLOWERS)
const until = async (count: number): Promise<void> => {
  while ((await clients.heard()) < count) await new Promise(resolve => setTimeout(resolve, 5))
}
// A welcome, and what there is.
await until(2 * FOLLOWERS)
let expected = 2 * FOLLOWERS
const record = server.records.get('a/1')
await record.when.synced

/** CPU microseconds of this process for each delivery. */
const measure = async (send: (n: number) => unknown, times = 200): Promise<number> => {
  const begin = process.cpuUsage()
  for (let n = 0; n < times; n++) {
    await send(n)
    await new Promise(resolve => setImmediate(resolve))
    expected += FOLLOWERS
    if (n % 20 === 19) await until(expected)
  }
  const { user, system } = process.cpuUsage(begin)
  return (user + system) / (times * FOLLOWERS)
}
const bytes = new Uint8Array(100)
const ratios: number[] = []
for (let round = 0; round <= ROUNDS; round++) {
  const plain = await measure(() => server.multicast(server.peers, bytes, { lane: 'records' }))
  const own = await measure(n => record.set('text', `${round} ${n} ${'x'.repeat(60)}`).durable)
  if (round > 0) ratios.push(own / plain)
  say(`broadcast ${plain.toFixed(2)} µs, record ${own.toFixed(2)} µs for each delivery`)
}
say(`ratio, median: ${ratios.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)]?.toFixed(2)}`)
clients.end()
await server.close({ timeout: 0 })
http.close()
