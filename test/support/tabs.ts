import { useFakeTimers } from 'sinon'
import type { SinonFakeTimers } from 'sinon'
import type { Commit, Range, Row, Store } from '../../lib/store.ts'
import type { Channel, Locks, TabsOptions } from '../../plugins/records/client/tabs.ts'
import { memory } from '../../stores/memory.ts'

interface Waiting {
  readonly isShared: boolean
  run(): void
}

/** Locks as browsers have them: in the order of asking, shared by those who ask for that, and free when their tab is gone. */
class FakeLock {
  #holders = 0
  #isShared = false
  readonly #queue: Waiting[] = []

  isFree(isShared: boolean): boolean {
    return this.#holders === 0 || (isShared && this.#isShared && !this.#queue.length)
  }

  wait(waiting: Waiting): void {
    this.#queue.push(waiting)
    this.#next()
  }

  release(): void {
    this.#holders--
    this.#next()
  }

  #next(): void {
    for (let [first] = this.#queue; first; [first] = this.#queue) {
      if (this.#holders > 0 && !(first.isShared && this.#isShared)) return
      this.#queue.shift()
      this.#holders++
      this.#isShared = first.isShared
      first.run()
    }
  }
}

/** Lets something happen later: what goes one way stays in order. */
export type Later = (way: object, run: () => void) => void

/** A browser with one store, in which tabs come and go. */
export class FakeBrowser {
  readonly store: Store = memory()
  readonly #later: Later
  readonly #locks = new Map<string, FakeLock>()
  readonly #channels = new Set<FakeChannel>()
  #isOpen: Promise<void> | undefined

  constructor(later: Later = (_way, run) => queueMicrotask(run)) {
    this.#later = later
  }

  /** What a tab has; `kill` ends it as a crash does, `deafen` has it hear nothing of the others. */
  tab(): { store: Store; tabs: TabsOptions; kill: () => void; deafen: () => void } {
    const held = new Set<() => void>()
    const state = { isDead: false }
    const channel = new FakeChannel(this.#channels, this.#later)
    const locks: Locks = {
      request: (name, { mode, ifAvailable }, run) => {
        const lock = this.#locks.get(name) ?? new FakeLock()
        this.#locks.set(name, lock)
        const isShared = mode === 'shared'
        if (ifAvailable && !lock.isFree(isShared)) return run(null)
        return new Promise((resolve, reject) => {
          lock.wait({
            isShared,
            run: () => {
              const release = (): void => {
                if (held.delete(release)) lock.release()
              }
              held.add(release)
              if (state.isDead) release()
              else run({}).then(resolve, reject).finally(release)
            }
          })
        })
      }
    }
    const kill = (): void => {
      state.isDead = true
      channel.close()
      for (const release of held) release()
    }
    return { store: this.#shared(state), tabs: { name: 'app', locks, channel }, kill, deafen: () => channel.deafen() }
  }

  /** The keys of what the store has, also where no tab has come so far. */
  async kept(prefix: string): Promise<string[]> {
    await this.#open()
    return (await this.store.entries(prefix)).map(([key]) => key)
  }

  #open(): Promise<void> {
    return (this.#isOpen ??= this.store.open())
  }

  /** The store as one tab sees it: what it asks for when it is dead never comes. */
  #shared(state: { readonly isDead: boolean }): Store {
    const { store } = this
    const disk = {}
    const alive = async <T>(run: () => Promise<T>): Promise<T> => {
      await new Promise<void>(resolve => this.#later(disk, resolve))
      if (state.isDead) return new Promise(() => {})
      return run()
    }
    return {
      name: 'shared',
      open: () => alive(() => this.#open()),
      rows: (ranges: readonly Range[], since?: number): Promise<Row[]> => alive(() => store.rows(ranges, since)),
      records: (prefix, after, limit) => alive(() => store.records(prefix, after, limit)),
      entry: key => alive(() => store.entry(key)),
      entries: prefix => alive(() => store.entries(prefix)),
      commit: (commit: Commit) => alive(() => store.commit(commit)),
      close: () => Promise.resolve()
    }
  }
}

class FakeChannel implements Channel {
  #listener: ((event: { readonly data: unknown }) => void) | undefined
  readonly #all: Set<FakeChannel>
  readonly #later: Later
  /** The ways to the others. */
  readonly #ways = new Map<FakeChannel, object>()

  constructor(all: Set<FakeChannel>, later: Later) {
    this.#all = all
    this.#later = later
    all.add(this)
  }

  postMessage(message: unknown): void {
    const data: unknown = structuredClone(message)
    for (const other of this.#all) {
      if (other === this) continue
      const way = this.#ways.get(other) ?? {}
      this.#ways.set(other, way)
      this.#later(way, () => other.#listener?.({ data }))
    }
  }

  close(): void {
    this.#all.delete(this)
    this.deafen()
  }

  addEventListener(_type: 'message', listener: (event: { readonly data: unknown }) => void): void {
    this.#listener = listener
  }

  /** It hears nothing any more. */
  deafen(): void {
    this.#listener = undefined
  }
}

/** Of a block of tests: each has a browser of its own, and timers that stand still. */
export class BrowserWorld {
  browser = new FakeBrowser()
  #clock: SinonFakeTimers | undefined

  constructor() {
    beforeEach(() => {
      this.browser = new FakeBrowser()
      this.#clock = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldClearNativeTimers: true })
    })
    afterEach(() => this.#clock?.restore())
  }

  /** Lets so many milliseconds pass. */
  async pass(time: number): Promise<void> {
    await this.#clock?.tickAsync(time)
  }
}
