import assert from 'node:assert/strict'
import type { Client, Peer } from '../../core.ts'
import { permissions } from '../../plugins/permissions/index.ts'
import { presence } from '../../plugins/presence/index.ts'
import type { Place } from '../../plugins/presence/index.ts'
import { pubsub } from '../../plugins/pubsub/index.ts'
import { rpc } from '../../plugins/rpc/index.ts'
import type { Call } from '../../plugins/rpc/index.ts'
import { Calls } from '../support/calls.ts'
import { ANSWER, keyOf, KNOWN, Rules } from '../support/changing-rules.ts'
import { Dice } from '../support/dice.ts'

const USERS = ['ann', 'bob', 'eve'] as const
const NAMES = ['a', 'b'] as const
const VERBS = ['subscribe', 'listen', 'enter', 'watch', 'call', 'provide'] as const

type Verb = (typeof VERBS)[number]

const pause = (time: number): Promise<void> => new Promise(resolve => setTimeout(resolve, time))

async function* ticks({ signal }: Call): AsyncGenerator<number, void, undefined> {
  for (let tick = 0; !signal.aborted; tick++) {
    yield tick
    await pause(10)
  }
}

const router = { feed: { a: (call: Call) => ticks(call), b: (call: Call) => ticks(call) } }

const start = (world: Calls, rules: Rules) => {
  const all = rules.rule as () => boolean
  return world.start(
    [
      permissions({ pubsub: all, presence: all, rpc: { call: { 'feed.*': all, '>': true }, provide: all } }),
      pubsub(),
      presence({ identity: ({ context }: Peer) => String(context) }),
      rpc(router)
    ] as const,
    { authenticate: ({ auth }) => auth }
  )
}

type Serving = ReturnType<typeof start>

const dial = (world: Calls, user: string) => {
  const own = rpc<{ feed: Record<string, (call?: Call) => AsyncIterable<number>> }>()
  return world.connect([pubsub(), presence(), own] as const, { auth: user })
}

/** Somebody who does this and that, by verb and name; each thing until it is ended. */
class Somebody {
  readonly user: string
  /** What goes on: how to end it. */
  readonly doing = new Map<string, () => unknown>()
  /** What arrived, by topic or stream. */
  readonly values = new Map<string, unknown>()
  /** The topics that it is to serve. */
  readonly served = new Map<string, AbortSignal>()
  /** The names that it is about to provide, or not to. */
  readonly #asking = new Set<string>()
  readonly #client: ReturnType<typeof dial>
  readonly #rules: Rules

  constructor(user: string, world: Calls, rules: Rules) {
    this.user = user
    this.#rules = rules
    this.#client = dial(world, user)
    this.#client.pubsub.on('unsubscribe', ({ topic, error }) => {
      const verb = topic.startsWith('l.') ? 'listen' : 'subscribe'
      this.#ended(verb, topic.slice(-1), error)
    })
    for (const name of NAMES) {
      const place = this.place(name)
      place.on('evicted', (verb, error) => this.#ended(verb, name, error))
      for (const event of ['join', 'change'] as const) place.on(event, () => rules.heard(this.#key('watch', name)))
    }
  }

  get client(): Client {
    return this.#client
  }

  place(name: string): Place {
    return this.#client.presence(name)
  }

  does(verb: Verb, name: string): boolean {
    return this.doing.has(keyOf('', verb, name))
  }

  /** Begins something, or ends it. */
  toggle(verb: Verb, name: string): void {
    const key = keyOf('', verb, name)
    const end = this.doing.get(key)
    // A name is free again when what was asked for it before is answered.
    if (verb === 'provide' && this.#asking.has(name)) return
    this.doing.delete(key)
    if (end) return void end()
    const begun = this.#begin(verb, name)
    this.doing.set(key, begun.end)
    begun.going.catch((error: unknown) => {
      if (this.doing.get(key) === begun.end) this.#ended(verb, name, error)
    })
  }

  #begin(verb: Verb, name: string): { readonly going: Promise<unknown>; readonly end: () => unknown } {
    const { pubsub, rpc } = this.#client
    const heard = (): void => this.#rules.heard(this.#key(verb, name))
    if (verb === 'subscribe') {
      const going = pubsub.subscribe(`t.${name}`, value => {
        heard()
        this.values.set(name, value)
      })
      return { going, end: () => going.unsubscribe() }
    }
    if (verb === 'listen') {
      const going = pubsub.listen(`l.${name}`, (topic, signal) => {
        heard()
        this.served.set(topic.slice(-1), signal)
      })
      return { going, end: () => going.unsubscribe() }
    }
    const place = this.place(name)
    if (verb === 'enter') return { going: place.enter(this.user), end: () => place.leave().catch(() => {}) }
    if (verb === 'watch') return { going: place.watch(), end: () => place.unwatch().catch(() => {}) }
    if (verb === 'call') {
      const controller = new AbortController()
      const read = async (): Promise<void> => {
        const stream = rpc.with({ signal: controller.signal }).feed[name]?.() ?? []
        for await (const item of stream) {
          heard()
          this.values.set(`feed ${name}`, item)
        }
      }
      return { going: read(), end: () => controller.abort() }
    }
    const going = rpc.provide(`${this.user}.${name}`, () => {
      heard()
      return this.user
    })
    const until = (promise: Promise<unknown>): void => {
      this.#asking.add(name)
      void Promise.allSettled([promise]).then(() => this.#asking.delete(name))
    }
    until(going)
    return { going, end: () => until(going.then(withdraw => withdraw())) }
  }

  /** The server has ended something. */
  #ended(verb: Verb, name: string, error: unknown): void {
    if (!this.doing.delete(keyOf('', verb, name))) return
    this.#rules.ended(this.#key(verb, name), error)
  }

  /** A service that goes on no more is an error of the client. */
  withdrawn(error: Error): void {
    const name = /: \w+\.(\w)$/.exec(error.message)?.[1] ?? ''
    this.#ended('provide', name, error)
  }

  #key(verb: Verb, name: string): string {
    return keyOf(this.user, verb, name)
  }
}

/** All goes on as it may, when nothing more happens. */
const check = async (world: Calls, server: Serving, rules: Rules, people: readonly Somebody[]): Promise<void> => {
  await world.pass(2 * KNOWN)
  const published = Date.now()
  const called: string[] = []
  for (const name of NAMES) {
    server.pubsub.publish(`t.${name}`, published)
    for (const { user } of people) {
      server.rpc
        .service<() => Promise<string>>(`${user}.${name}`)()
        .then(
          () => called.push(keyOf(user, 'provide', name)),
          () => {}
        )
    }
  }
  const before = new Map(people.map(({ user, values }) => [user, new Map(values)]))
  await world.pass(50)
  assert.deepEqual(rules.wrong, [])
  for (const somebody of people) {
    const { user, values, served } = somebody
    const goes = (verb: Verb, name: string, goes: boolean): void => {
      const key = keyOf(user, verb, name)
      assert.equal(goes, somebody.does(verb, name), key)
      if (goes) assert.ok(rules.allowed.has(key), `${key} is denied, and goes on`)
    }
    for (const name of NAMES) {
      goes('subscribe', name, values.get(name) === published)
      goes('call', name, before.get(user)?.get(`feed ${name}`) !== values.get(`feed ${name}`))
      goes('provide', name, called.includes(keyOf(user, 'provide', name)))
      goes(
        'enter',
        name,
        server.presence.members(name).some(({ id }) => id === user)
      )
      const members = somebody.does('watch', name) ? server.presence.members(name) : []
      const byId = (all: Iterable<{ readonly id: string }>) => [...all].toSorted((a, b) => (a.id < b.id ? -1 : 1))
      assert.deepEqual(byId(somebody.place(name).members()), byId(members), `${user} watches ${name}`)
      goes('watch', name, somebody.does('watch', name))
      const isServed = somebody.does('listen', name) && server.pubsub.subscribers(`l.${name}`) > 0
      assert.equal(served.get(name)?.aborted === false, isServed, `${user} serves ${name}`)
      goes('listen', name, somebody.does('listen', name))
    }
  }
}

const history = async (seed: number): Promise<void> => {
  const dice = new Dice(seed)
  const rules = new Rules(dice)
  const world = new Calls()
  void world.server.close()
  try {
    const server = start(world, rules)
    for (const user of USERS)
      for (const verb of VERBS)
        for (const name of NAMES) if (dice.chance(0.7)) rules.allowed.add(keyOf(user, verb, name))
    const make = (user: string): Somebody => {
      const somebody = new Somebody(user, world, rules)
      somebody.client.on('error', error => somebody.withdrawn(error))
      return somebody
    }
    const people = [make('ann'), make('bob'), make('eve')] as const
    await world.pass(20)
    /** What makes that there is something to serve. */
    const undos = new Map<string, () => void>()
    const serve = (name: string): void => {
      const undo = undos.get(name)
      undos.delete(name)
      if (undo) undo()
      else
        undos.set(
          name,
          server.pubsub.subscribe(`l.${name}`, () => {})
        )
    }
    /** Something happens that those hear of who do something. */
    const stir = (user: string, verb: Verb, name: string): void => {
      if (verb === 'subscribe') server.pubsub.publish(`t.${name}`, 'a value')
      else if (verb === 'listen') serve(name)
      else if (verb === 'watch') dice.pick(people).toggle('enter', name)
      else if (verb === 'provide') void Promise.allSettled([server.rpc.service(`${user}.${name}`)()])
    }
    /** What one of them may do changes again and again, or is only asked for again and again. */
    const act = async (): Promise<void> => {
      const somebody = dice.pick(people)
      const verb = dice.pick(VERBS)
      const name = dice.pick(NAMES)
      const key = keyOf(somebody.user, verb, name)
      const refresh = (): void =>
        server.permissions.refresh(({ context }) => context === somebody.user || dice.chance(0.3))
      if (!somebody.does(verb, name)) {
        if (!rules.allowed.has(key) && dice.chance(0.8)) {
          rules.change(key)
          refresh()
        }
        somebody.toggle(verb, name)
        if (dice.chance(0.5)) await world.pass(dice.below(2 * ANSWER))
      }
      const isSteady = dice.chance(0.3)
      rules.isSlow = isSteady
      for (let times = dice.below(isSteady ? 60 : 8), first = times; times; times--) {
        if (times === first || (!isSteady && dice.chance(0.7))) rules.change(key)
        refresh()
        if (dice.chance(0.7)) stir(somebody.user, verb, name)
        if (dice.chance(0.1)) somebody.toggle(verb, name)
        if (dice.chance(0.8)) await world.pass(dice.below(20))
      }
      rules.isSlow = false
    }
    for (let step = 1; step <= 60; step++) {
      await act()
      if (dice.chance(0.3)) await world.pass(dice.below(2 * ANSWER))
      if (step % 6 === 0) await check(world, server, rules, people)
    }
    for (const undo of undos.values()) undo()
  } finally {
    assert.equal(await world.end(), 0, 'timers were left behind')
  }
}

describe('permissions: what goes on, asked again at any time', () => {
  // In the last one who watches a place enters it, and waits for an answer.
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 2004]) {
    it(`goes on in the end for who may have it, and nobody is told more: history ${seed}`, () => history(seed))
  }
})
