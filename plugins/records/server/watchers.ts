import type { Undo } from '../../../lib/emitter.ts'
import type { Change } from './change.ts'

/** Told of a record that has changed, and of the paths that were written in it; `''` is the record itself, made or deleted. */
export type Watcher = (record: string, paths: readonly string[]) => unknown

/** Tells who watches what was committed. */
export class Watchers {
  readonly #watching = new Set<{ readonly prefix: string; readonly watcher: Watcher }>()
  readonly #failed: (error: unknown) => void

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  watch(prefix: string, watcher: Watcher): Undo {
    const watching = { prefix, watcher }
    this.#watching.add(watching)
    return () => this.#watching.delete(watching)
  }

  committed(changes: readonly Change[]): void {
    // Who comes meanwhile is told of the next commit, and who has gone of nothing.
    const all = [...this.#watching]
    for (const watching of all)
      for (const { record, registers } of changes)
        if (record.startsWith(watching.prefix) && this.#watching.has(watching))
          this.#tell(watching.watcher, record, registers)
  }

  #tell(watcher: Watcher, record: string, registers: Change['registers']): void {
    try {
      const result = watcher(
        record,
        registers.map(({ path }) => path)
      )
      if (result instanceof Promise) result.catch(this.#failed)
    } catch (error) {
      this.#failed(error)
    }
  }
}
