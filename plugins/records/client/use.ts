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
    await this.#wait(async () => {
      this.#unlock ??= await this.#tabs.lock('use', { mode: 'shared' })
    })
  }

  /** Runs something while nobody uses it, this tab neither. */
  async alone(run: () => Promise<void>): Promise<void> {
    this.#unlock?.()
    this.#unlock = undefined
    await this.#wait(granted =>
      this.#tabs.alone('use', () => {
        granted()
        return run()
      })
    )
  }

  /** @param ask - what others may have to let go for; calls what it is given where there is nothing to wait for any more */
  async #wait(ask: (granted: () => void) => Promise<void>): Promise<void> {
    const timer = setTimeout(this.#blocked, PATIENCE)
    const granted = (): void => clearTimeout(timer)
    try {
      await ask(granted)
    } finally {
      granted()
    }
  }
}
