import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Store } from '../../lib/store.ts'
import { bundled } from './bundled.ts'
import { turns } from './faults-wait.ts'
import { checkNumbered } from './store-numbers.ts'

/** A process that writes to a store: see store-writer.ts. */
export class StoreWriter {
  readonly #child
  readonly #lines
  readonly #ended: Promise<unknown>
  /** The last commit that it was told is done. */
  told = 0
  #errors = ''

  private constructor(file: string, args: readonly string[]) {
    this.#child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#ended = once(this.#child, 'close')
    this.#child.stderr.on('data', text => (this.#errors += String(text)))
    this.#lines = createInterface({ input: this.#child.stdout })
    this.#lines.on('line', line => (this.told = Math.max(this.told, Number(line))))
  }

  static readonly #file = bundled('test/support/store-writer.ts')

  static start(args: readonly string[]): StoreWriter {
    return new StoreWriter(StoreWriter.#file, args)
  }

  /** Waits until it was told of so many commits more. */
  async wrote(more: number): Promise<void> {
    for (const until = this.told + more; this.told < until;) {
      const ended = await Promise.race([once(this.#lines, 'line').then(() => false), this.#ended.then(() => true)])
      assert.ok(!ended, this.#errors)
    }
  }

  /** Kills it: nothing of it runs any more. What it printed before is read. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}

/** Opens a store as soon as whoever had it is gone for good. */
export const openWhenFree = async (store: Store): Promise<void> => {
  for (let left = 500; ; left--) {
    try {
      return await store.open()
    } catch (error) {
      if (left === 0 || !/another process/.test(String(error))) throw error
      await turns(20)
    }
  }
}

/**
 * Has a process write, and kills it at some moment, so often.
 * @returns how many commits were done in all
 */
export const killOften = async (times: number, args: readonly string[], make: () => Store): Promise<number> => {
  let last = 0
  for (let time = 0; time < times; time++) {
    const writer = StoreWriter.start(args)
    await writer.wrote(1 + Math.floor(Math.random() * 60))
    await turns(Math.floor(Math.random() * 200))
    await writer.kill()
    const store = make()
    await openWhenFree(store)
    const found = await checkNumbered(store)
    await store.close()
    assert.ok(found >= writer.told, `${writer.told} was told, and the store has ${found}`)
    assert.ok(found > last)
    last = found
  }
  return last
}
