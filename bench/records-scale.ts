import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect, createServer } from '../dist/index.js'
import { records } from '../dist/plugins/records/index.js'
import { sqlite } from '../dist/stores/sqlite/index.js'

/*
 * A server with 100,000 records on SQLite: how long until it answers after a cold start, what it holds in memory, and what it costs
 * a client that follows 1,000 of them to come back.
 *
 *     npm run build && node --expose-gc --import tsx bench/records-scale.ts
 */

const RECORDS = 100_000
const FOLLOWED = 1_000
const CHANGED = 10

const id = (at: number): string => `items/${at}`

/** A server in a process of its own: prints where it is, and what it holds when it is asked. */
const serve = async (file: string): Promise<void> => {
  const http = createHttp()
  createServer(http, { client: false, plugins: [records({ store: sqlite(file) })] })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  process.stdout.write(`${(http.address() as AddressInfo).port}\n`)
  process.stdin.on('data', () => {
    globalThis.gc?.()
    process.stdout.write(`${process.memoryUsage.rss()}\n`)
  })
}

/** Fills the file, through the store alone. */
const fill = async (file: string): Promise<void> => {
  const store = sqlite(file)
  await store.open()
  for (let from = 0; from < RECORDS; from += 10_000) {
    const rows = Array.from({ length: 10_000 }, (_, at) => from + at).flatMap(at => {
      const stamp = { t: 1_760_000_000_000 * 2_048 + at, node: 'filler', seq: at + 1 }
      const row = (path: string, kind: number, value: string | number | undefined) => ({
        record: id(at),
        path,
        kind,
        value,
        ...stamp
      })
      return [row('', 1, undefined), row('title', 0, `item ${at}`), row('count', 0, at)]
    })
    await store.commit({
      rows,
      removed: [],
      entries: [['meta', { epoch: 'scale', seq: from + 10_000, floor: 0, schema: null }]]
    })
  }
  await store.close()
}

const start = async (file: string) => {
  const since = performance.now()
  const child = spawn(process.execPath, ['--expose-gc', '--import', 'tsx', import.meta.filename, 'serve', file], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async (): Promise<string> => String((await lines.next()).value)
  const port = await line()
  return {
    url: `http://127.0.0.1:${port}`,
    since,
    rss: async () => {
      child.stdin.write('\n')
      return Number(await line())
    },
    kill: () => child.kill('SIGKILL')
  }
}

const say = (what: string, value: string): boolean => process.stdout.write(`| ${what} | ${value} |\n`)
const ms = (since: number): string => `${Math.round(performance.now() - since)} ms`

const measure = async (file: string): Promise<void> => {
  await fill(file)
  process.stdout.write(`| ${RECORDS.toLocaleString('en')} records of two fields on SQLite | |\n| --- | ---: |\n`)
  const server = await start(file)
  const listening = performance.now()
  const client = connect(server.url, { plugins: [records()] })
  const first = client.records.get<{ title: string; count: number }>(id(77_777))
  await first.when.synced
  if (first.get()?.count !== 77_777) throw new Error('the record is not what it was')
  say('cold start: from the start of the process to its first answer', ms(server.since))
  say('of that, from the first connection on', ms(listening))
  const idle = await server.rss()
  const followed = Array.from({ length: FOLLOWED }, (_, at) => client.records.get<{ count: number }>(id(at * 100)))
  const since = performance.now()
  await Promise.all(followed.map(record => record.when.synced))
  say(`${FOLLOWED.toLocaleString('en')} records are followed after`, ms(since))
  say(
    'memory of the process: idle, and with those',
    [idle, await server.rss()].map(rss => `${Math.round(rss / 2 ** 20)} MiB`).join(', ')
  )

  client.destroy()
  const other = connect(server.url, { plugins: [records()] })
  await Promise.all(
    Array.from(
      { length: CHANGED },
      (_, at) => other.records.get<{ count: number }>(id(at * 100)).set('count', -1).durable
    )
  )
  other.destroy()
  let frames = 0
  const back = performance.now()
  client.open()
  await new Promise(resolve => client.once('open', resolve))
  const off = client.records.engine.on('change', () => frames++)
  await Promise.all(followed.map(record => record.when.synced))
  off()
  if (followed.slice(0, CHANGED).some(record => record.get()?.count !== -1)) throw new Error('a change is missing')
  say(`to come back to them, ${CHANGED} of which have changed`, ms(back))
  say('applied at once, in so many frames', String(frames))
  client.destroy()
  server.kill()
}

if (process.argv[2] === 'serve') await serve(process.argv[3] ?? '')
else {
  const folder = mkdtempSync(join(tmpdir(), 'anywire-'))
  try {
    await measure(join(folder, 'scale.db'))
  } finally {
    rmSync(folder, { recursive: true })
  }
  process.exit()
}
