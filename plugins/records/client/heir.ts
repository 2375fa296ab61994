import type { Tabs } from './tabs.ts'

export interface HeirHost {
  /** A tab is gone, and nobody else speaks for its node. @returns whether this one goes on with that */
  adopt(node: string): Promise<boolean>
  failed(error: unknown): void
}

/** Waits until other tabs are gone: then this one may be the one that sends what they left. */
export class Heir {
  readonly #tabs: Tabs
  readonly #host: HeirHost
  /** How long to wait after that failed, in milliseconds. */
  readonly #delay: number
  /** Nodes of tabs whose end is awaited. */
  readonly #watched = new Set<string>()

  constructor(tabs: Tabs, host: HeirHost, delay: number) {
    this.#tabs = tabs
    this.#host = host
    this.#delay = delay
  }

  watch(node: string): void {
    if (this.#watched.has(node)) return
    this.#watched.add(node)
    this.#wait(node).catch((error: unknown) => this.#host.failed(error))
  }

  async #wait(node: string): Promise<void> {
    const unlock = await this.#tabs.lock(node)
    this.#watched.delete(node)
    try {
      if (unlock && !(await this.#host.adopt(node))) unlock()
    } catch (error) {
      // Others may have more luck meanwhile.
      unlock?.()
      this.#host.failed(error)
      setTimeout(() => this.watch(node), this.#delay)
    }
  }
}
