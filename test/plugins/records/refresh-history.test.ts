import assert from 'node:assert/strict'
import type { Peer } from '../../../lib/server/peer.ts'
import type { Following } from '../../../plugins/records/client/engine.ts'
import { Replica } from '../../../plugins/records/client/replica.ts'
import { collectionOf } from '../../../plugins/records/core/path.ts'
import { compareBy, matches } from '../../../plugins/records/core/query.ts'
import type { Query } from '../../../plugins/records/core/query.ts'
import type { Multicast } from '../../../plugins/records/server/fan-out.ts'
import type { Follower } from '../../../plugins/records/server/follower.ts'
import type { PermitQuestion } from '../../../plugins/records/server/options.ts'
import { at, peerOf, userOf, World } from '../../support/authority.ts'
import { Dice } from '../../support/dice.ts'
import { isThorough } from '../../support/faults-seed.ts'
import { decodeFrame } from '../../support/records-codec.ts'

/** Milliseconds: as long as an answer takes at most, as a reader reads nothing, and as it may take until a denial is known everywhere. */
const ANSWER = 50
const FULL = 8_000
const KNOWN = 3_000

const RECORDS = ['a/1', 'a/2', 'a/3', 'a/4', 'b/1', 'b/2'] as const
const NAMES = ['a/', 'b/', ...RECORDS] as const
const QUERIES: readonly [Query | undefined, ...(Query | undefined)[]] = [
  undefined,
  {},
  { where: [['n', '>', 3]] },
  { order: ['-n'], limit: 2 }
]

/** What everybody may see, and since when not. */
class Rules {
  readonly dice: Dice
  readonly allowed = new Set<string>()
  readonly since = new Map<string, number>()

  constructor(dice: Dice) {
    this.dice = dice
  }

  readonly permit = (question: PermitQuestion): boolean | Promise<boolean> => {
    const key = `${userOf(question)} ${question.record}`
    const { dice, allowed } = this
    if (dice.chance(0.3)) return allowed.has(key)
    const early = allowed.has(key)
    const isLate = dice.chance(0.5)
    return new Promise(resolve => {
      setTimeout(() => resolve(isLate ? allowed.has(key) : early), dice.below(ANSWER))
    })
  }

  change(user: string, name: string): void {
    const key = `${user} ${name}`
    if (this.allowed.delete(key)) this.since.set(key, Date.now())
    else {
      this.allowed.add(key)
      this.since.delete(key)
    }
  }
}

/** Somebody who follows this and that. */
class Reader {
  readonly user: string
  readonly replica: Replica
  readonly followed = new Map<string, Following>()
  readonly late: string[] = []
  readonly peer: Peer
  readonly #world: World
  readonly #rules: Rules
  #follower: Follower | undefined
  #isFull = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(user: string, world: World, rules: Rules) {
    this.user = user
    this.peer = peerOf(user)
    this.#world = world
    this.#rules = rules
    this.replica = new Replica({ now: () => Date.now(), monotonic: () => Date.now(), discardDelay: 10 })
    this.replica.on('refused', () => {})
  }

  get isConnected(): boolean {
    return this.#follower !== undefined
  }

  join(): void {
    const follower = this.#world.authority.connect({
      peer: this.peer,
      send: this.send,
      fail: ([code]) => assert.fail(code)
    })
    this.#follower = follower
    this.replica.connected(bytes => {
      if (this.#follower === follower) follower.receive(bytes)
      return true
    })
  }

  readonly send = (bytes: Uint8Array): boolean => {
    this.#look(bytes)
    const follower = this.#follower
    queueMicrotask(() => {
      if (this.#follower === follower) this.replica.receive(bytes)
    })
    return !this.#isFull
  }

  leave(): void {
    this.#follower?.end()
    this.#follower = undefined
    this.replica.disconnected()
  }

  fill(): void {
    if (this.#isFull) return
    this.#isFull = true
    this.#timer = setTimeout(() => this.read(), this.#rules.dice.below(FULL))
  }

  read(): void {
    clearTimeout(this.#timer)
    this.#isFull = false
    this.#follower?.drained()
  }

  follow(name: string, query: Query | undefined): void {
    const key = JSON.stringify([name, query])
    const following = this.followed.get(key)
    if (following) {
      this.followed.delete(key)
      this.replica.unfollow(following)
    } else {
      const following = this.replica.follow(name, query)
      for (const promise of [following.ready, following.synced]) promise.catch(() => {})
      this.followed.set(key, following)
    }
  }

  /** Whether it is told something that it has not been allowed to see for long. */
  #look(bytes: Uint8Array): void {
    const frame = decodeFrame(bytes)
    if (frame.type !== 'delta') return
    for (const { record, registers } of frame.records) {
      const since = this.#rules.since.get(`${this.user} ${record}`) ?? Infinity
      if (registers.length && Date.now() - since > KNOWN) this.late.push(`${record} after ${Date.now() - since}`)
    }
  }
}

const history = async (seed: number): Promise<void> => {
  const dice = new Dice(seed)
  const rules = new Rules(dice)
  const world = new World()
  try {
    const make = (user: string): Reader => new Reader(user, world, rules)
    const readers = [make('ann'), make('bob'), make('eve')] as const
    const multicast: Multicast = (peers, bytes) =>
      new Set(peers.filter(peer => !readers.find(reader => reader.peer === peer)?.send(bytes)))
    await world.make({ permit: rules.permit, multicast }).open()
    const root = await world.welcomed('root')
    const truth = new Map<string, number>()
    let time = 0
    const write = (record: string): void => {
      const n = dice.below(8)
      const now = at(++time, 'root')
      root.write(record, truth.has(record) ? [now.set('n', n)] : [now.make(), now.set('n', n)])
      truth.set(record, n)
    }
    for (const { user } of readers) for (const name of NAMES) if (dice.chance(0.7)) rules.allowed.add(`${user} ${name}`)
    for (const reader of readers) reader.join()
    const act = async (): Promise<void> => {
      const reader = dice.pick(readers)
      const name = dice.pick(NAMES)
      const what = dice.next()
      if (what < 0.25) write(dice.pick(RECORDS))
      else if (what < 0.45) reader.follow(name, name.endsWith('/') ? dice.pick(QUERIES) : undefined)
      else if (what < 0.65) {
        for (let times = dice.chance(0.3) ? 1 + dice.below(5) : 1; times; times--) {
          rules.change(reader.user, name)
          world.authority.refresh(dice.chance(0.8) ? name : '', ({ id }) => dice.chance(0.3) || id === reader.user)
          if (dice.chance(0.5)) await world.pass(dice.below(2 * ANSWER))
        }
      } else if (what < 0.9) world.authority.refresh(dice.pick(['', 'a', 'a/', 'b/1', 'c/', ...NAMES]), () => true)
      else if (what < 0.95) reader.fill()
      else if (reader.isConnected) reader.leave()
      else reader.join()
    }
    /** All is as it may be, when nothing more happens. */
    const check = async (): Promise<void> => {
      for (const reader of readers) {
        if (!reader.isConnected) reader.join()
        reader.read()
      }
      await world.pass(KNOWN)
      assert.deepEqual(world.failed, [])
      for (const { user, replica, followed, late } of readers) {
        assert.deepEqual(late, [], `${user} is told what it may not see`)
        const expected = new Map<string, number>()
        for (const [key, { name, query, state }] of followed) {
          const isAllowed = rules.allowed.has(`${user} ${name}`)
          assert.equal(state, isAllowed ? 'synced' : 'refused', `${user} follows ${key}`)
          if (!isAllowed) continue
          const seen = [...truth]
            .filter(([id]) => (id === name || collectionOf(id) === name) && rules.allowed.has(`${user} ${id}`))
            .map(([id, n]) => ({ id, value: { n } }))
            .filter(({ value }) => !query || matches(query, value))
            .toSorted(compareBy(query?.order))
            .slice(0, query?.limit)
          for (const { id, value } of seen) expected.set(id, value.n)
        }
        const has = new Map([...replica.ids('')].map(id => [id, replica.look(id)]))
        const right = new Map([...expected].map(([id, n]) => [id, { n }]))
        assert.deepEqual(has, right, `${user} has what it may see of ${[...followed.keys()].join(' ')}`)
      }
    }
    for (let step = 1; step <= 240; step++) {
      await act()
      if (dice.chance(0.6)) await world.pass(dice.below(dice.chance(0.1) ? 500 : 30))
      if (step % 12 === 0) await check()
    }
    for (const reader of readers) {
      reader.leave()
      reader.replica.ended()
    }
  } finally {
    await world.end()
  }
}

/** Histories in which somebody kept once what may not be seen, or lost what may be. What each of them plays depends on the code. */
const WRONG = [1056, 1250, 4071, 4267, 4340, 4442, 12_059]

describe('records: who may see what, asked again at any time', () => {
  for (const seed of [...WRONG, ...Array.from({ length: isThorough ? 60 : 8 }, (_, at) => at + 1)]) {
    it(`is what each has in the end, and nobody is told more: history ${seed}`, () => history(seed))
  }
})
