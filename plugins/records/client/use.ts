import type { Tabs, Unlock } from './tabs.ts'

/** How long to wait for other tabs before the application is told, in milliseconds. */
const PATIENCE = 2_000

/** What a tab uses together with others, but for moments in which it has it alone. */
export class Use {
  readonly #tabs: Tabs
  readonly #blocked: () => void
  #unlock: Unlock | undefined

  /** @param blocked - told when another tab does not let go */
  constructor(tabs: Tabs, blocked: () => void) {
    this.#tabs = tabs
    this.#blocked = blocked
  }

  /** From here on nobody has it alone. */
  async share(): Promise<void> {
    const granted = this.#wait()
    this.#unlock ??= await this.#tabs.lock('use', { mode: 'shared' })
    granted()
  }

  /** Runs something while nobody uses it, this tab neither. */
  async alone(run: () => Promise<void>): Promise<void> {
    this.#unlock?.()
    this.#unlock = undefined
    const granted = this.#wait()
    const start = (): Promise<void> => {
      granted()
      return run()
    }
    await this.#tabs.alone('use', start)
  }

  /** @returns to be called when there is nothing to wait for any more */
  #wait(): () => void {
    const timer = setTimeout(this.#blocked, PATIENCE)
    return () => clearTimeout(timer)
  }
}
