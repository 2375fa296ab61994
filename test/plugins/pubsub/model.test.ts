import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import type { Parser } from '../../../core.ts'
import { covers } from '../../../lib/patterns.ts'
import { json } from '../../../parsers/json.ts'
import { msgpack } from '../../../parsers/msgpack.ts'
import type { Outcome } from '../../../plugins/pubsub/index.ts'
import { memory } from '../../../transformers/memory/index.ts'
import { ws } from '../../../transformers/ws/index.ts'
import { guard, undoing } from '../../support/faults-guard.ts'
import type { Use } from '../../support/faults-guard.ts'
import { runs } from '../../support/faults-seed.ts'
import { turns, until } from '../../support/faults-wait.ts'
import { makeClient, makeServer } from '../../support/pubsub.ts'
import type { PubSubServer, WorldOptions } from '../../support/pubsub.ts'

/*
 * Random histories, and what somebody who has read docs/plugins/pubsub.md expects of them. What a server accepted, in order,
 * is what its own subscriber of everything was told. Of a handler's life each part that begins anew (subscribed, or
 * something was missed) must have a piece of that without holes: nothing twice, nothing in another order, and everything
 * that was accepted after the subscription was there.
 */

const TOPICS = ['h.a', 'h.b', 'h.a.b', 'p.a', 'p.b']
const NAMES = [...TOPICS, 'h.*', 'h.>', 'p.*', '>', '*.a']
const CLIENTS = 3

interface Published {
  readonly by: number
  readonly topic: string
  readonly number: number
  readonly echo: boolean
}

const isPublished = (value: unknown): value is Published => typeof value === 'object' && value !== null && 'by' in value

const same = (one: Published, other: Published): boolean => one.by === other.by && one.number === other.number

/** A part of a handler's life that begins anew, on one server. */
interface Part {
  readonly server: number
  readonly heard: Published[]
  /** How many messages its server had accepted when the client knew that it is there. */
  known: number
}

interface Life {
  readonly client: number
  readonly name: string
  readonly parts: Part[]
  ended: boolean
  live: boolean
  unsubscribe: () => void
}

type Step =
  | {
      readonly do: 'subscribe' | 'unsubscribe' | 'disconnect' | 'lose' | 'publish' | 'ack' | 'no echo'
      readonly who: number
      readonly name: string
    }
  | { readonly do: 'of server'; readonly topic: string }
  | { readonly do: 'restart' }
  | { readonly do: 'wait'; readonly turns: number }

const who = fc.nat(CLIENTS - 1)
const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom('subscribe' as const, 'subscribe' as const, 'unsubscribe' as const),
        who,
        name: fc.constantFrom(...NAMES)
      })
    },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constantFrom('publish' as const, 'ack' as const, 'no echo' as const),
        who,
        name: fc.constantFrom(...TOPICS)
      })
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('of server' as const), topic: fc.constantFrom(...TOPICS) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom('disconnect' as const, 'lose' as const),
        who,
        name: fc.constant('')
      })
    },
    { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('wait' as const), turns: fc.integer({ min: 1, max: 8 }) }) }
  ),
  { maxLength: 60, size: 'max' }
)

interface Arena {
  readonly options: WorldOptions
  readonly serve: () => PubSubServer
  readonly connect: (index: number) => ReturnType<typeof makeClient>['client']
}

/** One run. */
class Story {
  readonly #arena: Arena
  readonly #clients: ReturnType<Arena['connect']>[]
  readonly #lives: Life[] = []
  readonly #accepted: Published[][] = []
  readonly #acks: { readonly value: Published; readonly done: Promise<unknown> }[] = []
  readonly #asked: Published[] = []
  readonly #problems: string[] = []
  #server!: PubSubServer
  #number = 0

  constructor(arena: Arena) {
    this.#arena = arena
    this.#serve()
    this.#clients = Array.from({ length: CLIENTS }, (_, index) => arena.connect(index))
  }

  async run(all: readonly Step[]): Promise<void> {
    for (const step of all) await this.#take(step)
    await this.#settle()
    this.#check()
  }

  async end(): Promise<void> {
    for (const client of this.#clients) client.destroy()
    await this.#server.close({ timeout: 0, reconnect: false })
  }

  #serve(): void {
    const accepted: Published[] = []
    this.#accepted.push(accepted)
    this.#server = this.#arena.serve()
    this.#server.pubsub.subscribe('>', value => isPublished(value) && accepted.push(value))
  }

  #make(by: number, topic: string, echo = true): Published {
    const value = { by, topic, number: this.#number++, echo }
    this.#asked.push(value)
    return value
  }

  async #take(step: Step): Promise<void> {
    if (step.do === 'wait') return turns(step.turns)
    if (step.do === 'of server') return void this.#server.pubsub.publish(step.topic, this.#make(-1, step.topic))
    if (step.do === 'restart') {
      await this.#server.close({ timeout: 0, reconnect: 0 })
      return this.#serve()
    }
    const client = this.#clients[step.who]
    if (!client) return
    const peer = this.#server.peers.get(client.id)
    if (step.do === 'disconnect') peer?.disconnect()
    else if (step.do === 'lose') peer?.destroy(4000)
    else if (step.do === 'subscribe') this.#subscribe(step.who, step.name)
    else if (step.do === 'unsubscribe') {
      const life = this.#lives.find(({ client, ended }) => client === step.who && !ended)
      if (!life) return
      life.unsubscribe()
      life.ended = true
    } else {
      const value = this.#make(step.who, step.name, step.do !== 'no echo')
      const { echo } = value
      if (step.do === 'ack')
        this.#acks.push({ value, done: client.pubsub.publish(step.name, value, { ack: true, echo }) })
      else client.pubsub.publish(step.name, value, { echo })
    }
  }

  #subscribe(index: number, name: string): void {
    const client = this.#clients[index]
    if (!client || this.#lives.some(life => life.client === index && life.name === name && !life.ended)) return
    const life: Life = { client: index, name, parts: [], ended: false, live: false, unsubscribe: () => {} }
    this.#lives.push(life)
    const told = ({ topic, recovered }: Outcome & { readonly topic: string }): void => {
      if (topic !== name || life.ended) return
      const server = this.#accepted.length - 1
      const known = this.#accepted[server]?.length ?? 0
      if (!recovered) life.parts.push({ server, heard: [], known })
      life.live = true
    }
    client.pubsub.on('subscribe', told)
    client.on('disconnect', () => (life.live = client.state === 'away'))
    const { unsubscribe } = client.pubsub.subscribe(name, (value, { topic }) => {
      // Catch-up comes before the news that it is complete: still the part that was there.
      const part = life.parts.at(-1)
      if (life.ended) this.#problems.push('a handler was called after its end')
      else if (!part) this.#problems.push('a message came before the subscription was there')
      else if (!isPublished(value) || value.topic !== topic || !covers(name, topic))
        this.#problems.push('a wrong message')
      else part.heard.push(value)
    })
    life.unsubscribe = unsubscribe
  }

  /** Lets everything come to rest, with a last message for everybody. */
  async #settle(): Promise<void> {
    await until(() => this.#clients.every(({ state }) => state === 'open'), 'open clients')
    await Promise.all(this.#acks.map(({ done }) => done))
    // What is asked now is answered behind all that was asked before.
    await Promise.all(this.#clients.map(({ pubsub }) => pubsub.history('h.a')))
    for (const topic of TOPICS) this.#server.pubsub.publish(topic, this.#make(-1, topic))
    await Promise.all(this.#clients.map(({ pubsub }) => pubsub.history('h.a')))
  }

  #check(): void {
    assert.deepEqual(this.#problems, [])
    for (const accepted of this.#accepted) {
      for (const [index, value] of accepted.entries()) {
        const later = accepted.slice(index + 1).filter(other => other.by === value.by && other.topic === value.topic)
        assert.ok(!later.some(other => other.number <= value.number), 'one publisher and topic: in order, once')
      }
    }
    for (const value of this.#asked) {
      const times = this.#accepted.filter(accepted => accepted.some(other => same(other, value))).length
      const acked = this.#acks.some(ack => same(ack.value, value))
      if (acked) assert.ok(times > 0, 'what was acknowledged was accepted')
      else assert.ok(times <= 1, 'what is not acknowledged is not sent again')
    }
    for (const life of this.#lives) for (const [index, part] of life.parts.entries()) this.#checkPart(life, part, index)
  }

  #checkPart(life: Life, { server, heard, known }: Part, index: number): void {
    const last = index === life.parts.length - 1
    const mine = (value: Published): boolean =>
      covers(life.name, value.topic) && (value.echo || value.by !== life.client)
    const all = (this.#accepted[server] ?? []).filter(mine)
    const from = heard[0] ? all.findIndex(value => heard[0] && same(value, heard[0])) : all.length
    const told = JSON.stringify({
      life: [life.client, life.name, index, life.parts.length, life.ended],
      heard,
      all,
      known
    })
    assert.ok(from >= 0, `what was heard was accepted: ${told}`)
    assert.deepEqual(heard, all.slice(from, from + heard.length), `without holes: ${told}`)
    if (!last || life.ended) return
    assert.equal(from + heard.length, all.length, `to the end: ${told}`)
    const after = (this.#accepted[server] ?? []).slice(known).filter(mine)
    assert.ok(heard.length >= after.length, `from the beginning: ${told}`)
  }
}

const pubsubOptions = { topics: { 'h.>': { history: { size: 1_000 } } } }

const inMemory = (use: Use, parser: Parser): Arena => {
  const network = memory()
  const options: WorldOptions = { parser, pubsub: pubsubOptions }
  void use
  return {
    options,
    serve: () => makeServer(network, options).server,
    connect: index => makeClient(network, options, `client ${index}`).client
  }
}

describe('pubsub: random histories', () => {
  guard()
  const use = undoing()

  const tell = (arena: () => Promise<Arena>, count: number) => async () => {
    const own = await arena()
    await fc.assert(
      fc.asyncProperty(steps, async all => {
        const story = new Story(own)
        try {
          await story.run(all)
        } finally {
          await story.end()
        }
      }),
      runs(count)
    )
  }

  for (const parser of [json(), msgpack()]) {
    it(
      `are as the documentation says: memory, ${parser.name}`,
      tell(async () => inMemory(use, parser), 25)
    ).timeout(60_000)

    it(
      `are as the documentation says: ws, ${parser.name}`,
      tell(async () => {
        const http = createHttpServer()
        await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
        use(() => new Promise(resolve => http.close(resolve)))
        const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
        const options: WorldOptions = { parser, pubsub: pubsubOptions }
        return {
          options,
          serve: () => makeServer(ws(), { ...options, http }).server,
          connect: index => makeClient(ws(), options, `client ${index}`, url).client
        }
      }, 15)
    ).timeout(60_000)
  }
})
