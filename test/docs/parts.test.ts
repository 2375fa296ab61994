import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer } from '../../index.ts'
import type { ClientPlugin, Parser, ServerPlugin, Store } from '../../core.ts'
import type { ClientTransformer, ServerTransformer } from '../../core.ts'
import { raw } from '../../parsers/raw.ts'
import { memory } from '../../transformers/memory/index.ts'
import { parserContract } from '../contract/parser.ts'
import { row, rows, storeContract } from '../contract/store.ts'
import { transformerContract } from '../contract/transformer.ts'
import { runs } from '../support/faults-seed.ts'
import { until } from '../support/faults-wait.ts'
import { named } from './support/pages.ts'
import { Workshop } from './support/workshop.ts'

interface Tcp {
  tcp(): ClientTransformer & ServerTransformer & { readonly listening: Promise<number> }
}

interface Summed {
  summed(inner: Parser): Parser
}

interface Clock {
  clock(options: { readonly interval: number }): { readonly name: 'clock'; readonly version: 1 } & Required<
    Pick<ServerPlugin, 'peer'>
  > & {
      client(...args: Parameters<NonNullable<ClientPlugin['client']>>): { readonly offset: number; now(): number }
    }
}

interface Journal {
  journal(path: string): Store
}

const workshop = new Workshop()
const load = <T>(page: string, name: string): Promise<T> => workshop.load<T>(named(`docs/${page}`, name).code)
const { tcp } = await load<Tcp>('writing-a-transformer.md', 'tcp.ts')
const { summed } = await load<Summed>('writing-a-parser.md', 'summed.ts')
const { clock } = await load<Clock>('writing-a-plugin.md', 'clock.ts')
const { journal } = await load<Journal>('writing-a-store.md', 'journal.ts')
await workshop.close()

// Connections over its wires have one test of their own, below: the suite's are slow, and none of this page's concern.
transformerContract(
  'the transformer in the documentation',
  () => {
    const wires = tcp()
    return { server: wires, client: wires, start: async () => `http://127.0.0.1:${await wires.listening}` }
  },
  { parsers: [] }
)

describe('the transformer in the documentation', () => {
  it('carries connections', async () => {
    const wires = tcp()
    const server = createServer({ transformers: [wires] })
    server.on('connection', peer => peer.on('data', value => peer.write(value)))
    const client = connect(`http://127.0.0.1:${await wires.listening}/?name=value`, { transformers: [tcp()] })
    const values = Array.from({ length: 1_000 }, (_, number) => ({ number }))
    for (const value of values) client.write(value)
    const echoes: unknown[] = []
    for await (const value of client) if (echoes.push(value) === values.length) break
    assert.deepEqual(echoes, values)
    assert.equal([...server.peers][0]?.query['name'], 'value')
    client.end(4500, 'done')
    await new Promise(resolve => client.once('close', resolve))
    await server.close()
  })
})

parserContract('the parser in the documentation', () => summed(raw()), {
  runs: runs(1_000).numRuns,
  supports: {
    structures: false,
    undefined: false,
    nestedUndefined: false,
    views: false,
    bigint: false,
    nonFinite: false,
    minusZero: false,
    date: false,
    collections: false,
    loneSurrogates: true,
    strict: true,
    copies: true
  }
})

describe('the plugin in the documentation', () => {
  it('tells the time', async () => {
    const network = memory()
    const server = createServer({ transformers: [network], plugins: [clock({ interval: 60_000 })] })
    const client = connect('http://memory', { transformers: [network], plugins: [clock({ interval: 5 })] })
    await until(() => client.clock.offset !== 0)
    assert.ok(Math.abs(client.clock.now() - Date.now()) < 1_000)
    client.destroy()
    await server.close()
  })
})

const place = () => {
  const folder = mkdtempSync(join(tmpdir(), 'anywire-'))
  const path = join(folder, 'data')
  return { path, make: () => journal(path), stop: () => rmSync(folder, { recursive: true }) }
}

storeContract('the store in the documentation', place, { runs: runs(50).numRuns })

describe('the store in the documentation', () => {
  it('forgets what was never committed', async () => {
    const { path, make, stop } = place()
    const store = make()
    for (const name of ['a', 'b']) {
      await store.open()
      await store.commit(rows(row(name, 'x', 1)))
      await store.close()
      appendFileSync(path, 'half a li')
    }
    await store.open()
    assert.deepEqual(await store.records(''), ['a', 'b'])
    await store.close()
    stop()
  })
})
