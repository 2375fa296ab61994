import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Dice } from '../../support/dice.ts'
import { runs } from '../../support/faults-seed.ts'
import { SharedTabs } from '../../support/shared-tabs.ts'
import type { CountingTab } from '../../support/shared-tabs.ts'

const STEPS = 120

interface Kind {
  /** Whether another device counts too. */
  readonly hasOther: boolean
  /** Whether the server is replaced by one that knows nothing. */
  readonly isReplaced: boolean
}

/** What tabs of a browser do, step by step, while they and the server hear of each other as late as it happens. */
class Story {
  readonly #dice: Dice
  readonly #world: SharedTabs
  readonly #kind: Kind
  readonly #other: CountingTab | undefined
  #tabs: CountingTab[] = []
  #total = 0
  readonly #log: string[] = []

  constructor(seed: number, kind: Kind) {
    this.#dice = new Dice(seed)
    this.#world = new SharedTabs(this.#dice)
    this.#kind = kind
    this.#other = kind.hasOther ? this.#world.open('other') : undefined
  }

  async play(): Promise<void> {
    await this.#world.start()
    this.#other?.follow()
    this.#other?.join()
    for (let count = 0; count < 2; count++) this.#open()
    for (let step = 0; step < STEPS; step++) await this.#step()
    // What the last one left somebody has to send.
    if (!this.#tabs.length) this.#open()
    await this.#settle()
    if (this.#kind.isReplaced) {
      for (const tab of this.#all) tab.cut()
      await this.#world.replace()
    }
    for (const tab of this.#all) tab.join()
    // What a server lost, others lose.
    await this.#world.ways.settle(() => this.#kind.isReplaced || this.#look('on its way'))
    const [first, ...others] = this.#all
    for (const other of others) assert.deepEqual(other.fields, first?.fields, this.#story)
    if (!this.#kind.isReplaced) for (const tab of this.#all) assert.equal(tab.count, this.#total, this.#story)
    await this.#world.end()
  }

  get #all(): CountingTab[] {
    return this.#other ? [...this.#tabs, this.#other] : this.#tabs
  }

  get #story(): string {
    return this.#log.slice(-60).join('\n')
  }

  #open(): void {
    const tab = this.#world.open(
      String.fromCharCode(65 + this.#log.filter(line => line.startsWith('open')).length),
      true
    )
    tab.follow()
    // What of its writes comes with the next frame is not known yet.
    for (const other of this.#tabs) if (other.isJoined) other.isVague = true
    if (this.#dice.chance(0.7)) tab.join()
    this.#tabs.push(tab)
    this.#look(`open ${tab.name}`)
  }

  async #step(): Promise<void> {
    const tab = this.#tabs[this.#dice.below(this.#tabs.length)]
    const what = this.#dice.below(100)
    if (!tab || (what < 4 && this.#tabs.length < 4)) return this.#open()
    if (what < 7) await this.#kill(tab)
    else if (what < 12) {
      tab.cut()
      this.#look(`cut ${tab.name}`)
    } else if (what < 17) {
      tab.isVague ||= !tab.isJoined
      tab.join()
      this.#look(`join ${tab.name}`)
    } else if (what < 18) await this.#settle()
    else if (what < 35) this.#increment(tab)
    else if (what < 38 && this.#other) this.#increment(this.#other)
    else if (what < 42) {
      tab.write(`f${this.#dice.below(3)}`, this.#dice.chance(0.8) ? this.#log.length : undefined)
      this.#look(`write ${tab.name}`)
    } else if (await this.#world.ways.step()) this.#look('step')
  }

  #increment(tab: CountingTab): void {
    this.#total++
    tab.increment()
    this.#look(`increment ${tab.name}`)
  }

  /** It dies, in the midst of whatever it does: what it had not stored is lost. */
  async #kill(tab: CountingTab): Promise<void> {
    if (this.#dice.chance(0.3)) await this.#settle()
    tab.kill()
    this.#total -= await this.#world.lost(tab)
    this.#tabs = this.#tabs.filter(other => other !== tab)
    // What it was refused, or had asked the authority, nobody hears.
    for (const other of this.#tabs) other.isVague = true
    this.#look(`kill ${tab.name}`)
  }

  /** Nothing counts twice, and nothing that was seen goes. */
  #look(what: string): void {
    const seen = this.#all.map(({ name, isJoined, count }) => `${name}${isJoined ? '' : '-'}=${count}`)
    this.#log.push(`${what}: ${seen.join(' ')} of ${this.#total}`)
    for (const tab of this.#all) {
      assert(tab.count <= this.#total, this.#story)
      assert(tab.count >= tab.shown, this.#story)
      tab.shown = tab.count
    }
  }

  /** All that is on its way arrives: then whoever is connected shows all, and so do others that know of nobody else. */
  async #settle(): Promise<void> {
    await this.#world.ways.settle(() => this.#look('on its way'))
    this.#look('settled')
    for (const tab of this.#tabs) {
      if (tab.isJoined) tab.isVague = false
      if (tab.isJoined || (!this.#other && !tab.isVague)) assert.equal(tab.count, this.#total, this.#story)
    }
  }
}

describe('records: counters in tabs that have one store', () => {
  it('are the same everywhere, and nothing counts twice, in whatever order tabs and the server are heard', async () => {
    const property = fc.asyncProperty(fc.nat(), fc.boolean(), (seed, hasOther) =>
      new Story(seed, { hasOther, isReplaced: false }).play()
    )
    await fc.assert(property, runs(12))
  })

  it('are the same everywhere where the server lost all that it had', async () => {
    const property = fc.asyncProperty(fc.nat(), seed => new Story(seed, { hasOther: true, isReplaced: true }).play())
    await fc.assert(property, runs(6))
  })
})
