import { keep } from '../../plugins/records/client/keep.ts'
import { Replica } from '../../plugins/records/client/replica.ts'
import { DELETED, INCREMENT, IMPLICIT, LEAF, OBJECT } from '../../plugins/records/core/register.ts'
import type { Write } from '../../plugins/records/core/register.ts'
import { sealOf } from '../../lib/server/seal.ts'
import { Authority } from '../../plugins/records/server/authority.ts'
import type { Follower } from '../../plugins/records/server/follower.ts'
import { memory } from '../../stores/memory.ts'
import type { Dice } from './dice.ts'
import { turns } from './faults-wait.ts'
import { FakeBrowser } from './tabs.ts'

/** 2026-01-01, in milliseconds since 1970. */
const START = 1_767_225_600_000

/** The record that everybody counts in. */
const ID = 'c/1'

/** What happens in between, in any order, but for what follows one way: each way keeps its order. */
export class Ways {
  readonly #ways = new Map<object, (() => void)[]>()
  readonly #dice: Dice

  constructor(dice: Dice) {
    this.#dice = dice
  }

  readonly later = (way: object, run: () => void): void => {
    const waiting = this.#ways.get(way)
    if (waiting) waiting.push(run)
    else this.#ways.set(way, [run])
  }

  /** Lets one thing happen. @returns false: there is none */
  async step(): Promise<boolean> {
    const ways = [...this.#ways.keys()]
    const way = ways[this.#dice.below(ways.length)]
    if (!way) return false
    const waiting = this.#ways.get(way) ?? []
    const run = waiting.shift()
    if (!waiting.length) this.#ways.delete(way)
    run?.()
    await turns(1)
    return true
  }

  /** Lets all happen. @param look - called behind each of it */
  async settle(look: () => unknown): Promise<void> {
    for (let quiet = 0; quiet < 4; quiet++) {
      while (await this.step()) {
        quiet = 0
        look()
      }
      await turns(2)
    }
  }
}

/** A server, and what counts in its records: tabs of one browser, and others. */
export class SharedTabs {
  readonly ways: Ways
  readonly browser: FakeBrowser
  #authority = makeAuthority()

  constructor(dice: Dice) {
    this.ways = new Ways(dice)
    this.browser = new FakeBrowser(this.ways.later)
  }

  start(): Promise<void> {
    return this.#authority.open()
  }

  /** The server goes on with another store. */
  async replace(): Promise<void> {
    await this.#authority.close()
    this.#authority = makeAuthority()
    await this.#authority.open()
  }

  /** @param isTab - it shares the browser's store with others */
  open(name: string, isTab = false): CountingTab {
    return new CountingTab(name, this.ways, () => this.#authority, isTab ? this.browser : undefined)
  }

  /** How much that a dead tab counted the store never had, and so nobody else has. */
  async lost({ replica }: CountingTab): Promise<number> {
    const { node, entries } = replica.outbox.own
    const kept = new Set((await this.browser.kept(`outbox/${node}/`)).map(key => Number(key.split('/')[2])))
    const lost = entries.filter(({ number, isKept }) => !isKept && !kept.has(number))
    return lost.filter(({ records }) => records.some(({ registers }) => registers.some(isCount))).length
  }

  async end(): Promise<void> {
    await this.#authority.close()
  }
}

const isCount = ({ kind }: Write): boolean => kind === INCREMENT

const makeAuthority = (): Authority =>
  new Authority(memory(), {
    now: () => START,
    seal: sealOf,
    failed: error => {
      throw error
    }
  })

/** One that counts, and its link, which takes its time both ways. */
export class CountingTab {
  readonly name: string
  readonly replica: Replica
  readonly kill: () => void
  isDead = false
  /** Whether it may not be sure of what others count, as long as it is cut off. */
  isVague = false
  /** What it has shown last of the counter. */
  shown = 0
  readonly #ways: Ways
  readonly #authority: () => Authority
  #follower: Follower | undefined

  constructor(name: string, ways: Ways, authority: () => Authority, browser: FakeBrowser | undefined) {
    this.name = name
    this.#ways = ways
    this.#authority = authority
    const tab = browser?.tab()
    this.replica = new Replica({
      now: () => START,
      monotonic: () => 0,
      ...(tab && { persist: (host, options) => keep(tab.store)(host, { ...options, tabs: tab.tabs }) })
    })
    this.kill = () => {
      this.isDead = true
      this.cut()
      tab?.kill()
    }
  }

  get isJoined(): boolean {
    return !!this.#follower
  }

  follow(): void {
    this.replica.follow(ID)
  }

  get count(): number {
    const view = this.replica.look(ID)
    return typeof view === 'object' && view && 'n' in view ? Number(view['n']) : 0
  }

  get fields(): unknown {
    return this.replica.look(ID)
  }

  increment(): void {
    this.#write({ path: 'n', kind: INCREMENT, value: 1 })
  }

  /** @param value - undefined removes it */
  write(path: string, value: number | undefined): void {
    this.#write({ path, kind: value === undefined ? DELETED : LEAF, value })
  }

  #write(write: Omit<Write, 't' | 'node'>): void {
    const made: Write = { path: '', kind: OBJECT, value: undefined, ...IMPLICIT }
    this.replica.write([{ record: ID, registers: [made, { ...write, ...this.replica.tick() }] }])
  }

  join(): void {
    if (this.#follower || this.isDead) return
    const [up, down] = [{}, {}]
    const follower = this.#authority().connect({
      peer: undefined,
      send: bytes => {
        this.#ways.later(down, () => {
          if (this.#follower === follower) this.replica.receive(bytes)
        })
        return true
      },
      fail: failure => {
        throw new Error(failure[0])
      }
    })
    this.#follower = follower
    this.replica.connected(bytes => {
      this.#ways.later(up, () => follower.receive(bytes))
      return true
    })
  }

  /** The wire is lost, with what is on its way. */
  cut(): void {
    this.#follower?.end()
    this.#follower = undefined
    this.replica.disconnected()
  }
}
