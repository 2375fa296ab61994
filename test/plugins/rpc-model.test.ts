import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { connect, createServer } from '../../core.ts'
import type { ClientTransformer, HttpServer, Parser, Peer, ServerTransformer } from '../../core.ts'
import { json } from '../../parsers/json.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { rpc, RpcError } from '../../plugins/rpc/index.ts'
import type { Call } from '../../plugins/rpc/index.ts'
import { memory } from '../../transformers/memory/index.ts'
import { ws } from '../../transformers/ws/index.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { runs } from '../support/faults-seed.ts'
import { turns, until } from '../support/faults-wait.ts'

type Step =
  | {
      readonly do: 'call'
      readonly by: 'client' | 'peer'
      readonly kind: 'now' | 'later' | 'fail' | 'stream'
      readonly keyed: boolean
    }
  | { readonly do: 'cancel' | 'open' | 'wait'; readonly at: number }
  | { readonly do: 'cut' | 'restart' }

const steps = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('call' as const),
        by: fc.constantFrom('client' as const, 'peer' as const),
        kind: fc.constantFrom('now' as const, 'later' as const, 'fail' as const, 'stream' as const),
        keyed: fc.boolean()
      })
    },
    { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('cancel' as const, 'open' as const), at: fc.nat(20) }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('wait' as const), at: fc.integer({ min: 1, max: 5 }) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('cut' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) }
  ),
  { maxLength: 40, size: 'max' }
)

/** Items of a stream: more than may be on their way. */
const ITEMS = 70

/** What is known of a call in the end. */
interface Made {
  readonly id: string
  readonly kind: string
  readonly controller: AbortController
  /** Whether a session was lost since it was made. */
  lost: boolean
  outcome: string | undefined
  items: number
}

interface World {
  readonly server: ServerTransformer
  readonly client: ClientTransformer
  readonly url: string
  readonly http?: HttpServer
}

describe('rpc: any history', () => {
  const use = undoing()
  guard()

  const check = async (history: readonly Step[], parser: Parser, restarts: boolean, wires: World): Promise<void> => {
    const ran = new Map<string, number>()
    const gates = new Map<string, () => void>()
    const made: Made[] = []
    const began = (id: string): void => void ran.set(id, (ran.get(id) ?? 0) + 1)
    const later = (id: string): Promise<void> => new Promise(resolve => gates.set(id, resolve))
    const router = {
      now: (id: string) => (began(id), id),
      async later(id: string, { signal }: Call<Peer>) {
        began(id)
        signal.addEventListener('abort', () => gates.get(id)?.())
        await later(id)
        return id
      },
      async fail(id: string) {
        began(id)
        await Promise.resolve()
        throw new RpcError('FAILED', id)
      },
      async *stream(id: string) {
        began(id)
        for (let item = 0; item < ITEMS; item++) yield item
      }
    }
    const serve = () => {
      const plugin = rpc<typeof router, typeof router>(router)
      const server = createServer(wires.http, { transformers: [wires.server], parsers: [parser], plugins: [plugin] })
      return server
    }
    let server = serve()
    const client = connect(wires.url, {
      transformers: [wires.client],
      parser,
      plugins: [reconnect({ min: 0 }), rpc<typeof router>(router)]
    })
    const loseAll = (): void => {
      for (const call of made) call.lost = true
    }
    client.on('close', loseAll)
    const perform = async (call: Made, { by, keyed }: Step & { do: 'call' }): Promise<void> => {
      const { id, kind, controller } = call
      const peer = server.peers.get(client.id)
      if (by === 'peer' && !peer) return void (call.outcome = 'none')
      const options = { signal: controller.signal, ...(keyed && { key: id }) }
      const calls = by === 'peer' && peer ? peer.rpc.with(options) : client.rpc.with(options)
      try {
        if (kind !== 'stream') call.outcome = `got ${await calls[kind as 'now'](id)}`
        else {
          for await (const item of calls.stream(id)) assert.equal(item, call.items++)
          call.outcome = `got ${id}`
        }
      } catch (error) {
        assert.ok(error instanceof RpcError, String(error))
        call.outcome = error.code
        if (error.code === 'FAILED') assert.equal(error.message, id)
      }
    }
    for (const step of history) {
      if (step.do === 'call') {
        const id = `call ${made.length}`
        const call: Made = {
          id,
          kind: step.kind,
          controller: new AbortController(),
          lost: false,
          outcome: undefined,
          items: 0
        }
        made.push(call)
        void perform(call, step)
      } else if (step.do === 'cancel') made[step.at]?.controller.abort()
      else if (step.do === 'open') gates.get(`call ${step.at}`)?.()
      else if (step.do === 'wait') await turns(step.at)
      else if (step.do === 'cut') for (const peer of server.peers) peer.disconnect()
      else if (restarts) {
        loseAll()
        await server.close({ timeout: 0, reconnect: 0 })
        server = serve()
      }
    }
    // Everything may go on now.
    const release = setInterval(() => gates.forEach(open => open()), 1)
    try {
      await until(
        () => made.every(({ outcome }) => outcome !== undefined),
        () => JSON.stringify(made.filter(call => !call.outcome))
      )
    } finally {
      clearInterval(release)
      client.destroy()
      await server.close({ timeout: 0 })
      await turns(2)
    }
    for (const { id, kind, controller, lost, outcome = '', items } of made) {
      const count = ran.get(id) ?? 0
      const expected = new Set([kind === 'fail' ? 'FAILED' : `got ${id}`, 'none'])
      if (controller.signal.aborted) expected.add('ERR_CANCELLED')
      if (lost) expected.add('ERR_OUTCOME_UNKNOWN').add('ERR_CLOSED')
      assert.ok(expected.has(outcome), `${id} ${kind}: ${outcome}`)
      assert.ok(count <= 1, `${id} ran ${count} times`)
      if (outcome === `got ${id}` || outcome === 'FAILED') assert.equal(count, 1)
      if (outcome === 'ERR_CLOSED' || outcome === 'none') assert.equal(count, 0)
      if (kind === 'stream' && outcome === `got ${id}`) assert.equal(items, ITEMS)
    }
  }

  for (const parser of [json(), msgpack()]) {
    it(`has each call run at most once, and its caller hear of it, over memory with ${parser.name}`, async () => {
      await fc.assert(
        fc.asyncProperty(steps, fc.boolean(), async (history, restarts) => {
          const network = memory()
          await check(history, parser, restarts, { server: network, client: network, url: 'http://memory' })
        }),
        { ...runs(15), endOnFailure: true }
      )
    })

    it(`over ws with ${parser.name}`, async () => {
      const http = createHttpServer()
      await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
      use(() => http.close())
      const { port } = http.address() as AddressInfo
      const wires = { http, server: ws(), client: ws(), url: `http://127.0.0.1:${port}` }
      await fc.assert(
        fc.asyncProperty(steps, fc.boolean(), async (history, restarts) => check(history, parser, restarts, wires)),
        { ...runs(5), endOnFailure: true }
      )
    })
  }
})
