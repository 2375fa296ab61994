import { createHook } from 'node:async_hooks'
import type { AsyncHook } from 'node:async_hooks'

const KINDS = new Set(['Timeout', 'TCPWRAP', 'TCPSERVERWRAP', 'PIPEWRAP', 'PIPESERVERWRAP', 'UDPWRAP', 'PROCESSWRAP'])

/** Whether Node is about to remember the text of a Date header, which it does for up to a second, for all servers. */
const isOfDates = (): boolean => /at utcDate \(node:internal\/http:/.test(new Error('where').stack ?? '')

/** Watches what is made and not ended: timers (those included that keep no process alive), sockets, servers. */
export class Resources {
  readonly #open = new Map<number, string>()
  readonly #hook: AsyncHook

  constructor() {
    this.#hook = createHook({
      init: (id, kind) => {
        if (KINDS.has(kind) && !(kind === 'Timeout' && isOfDates())) this.#open.set(id, kind)
      },
      destroy: id => void this.#open.delete(id)
    }).enable()
  }

  /** What is there now and was not when the watch began. */
  get left(): string[] {
    return [...this.#open.values()]
  }

  stop(): void {
    this.#hook.disable()
    // Where somebody else has a hook, as AsyncLocalStorage does, Node 20 would go on tracking the end of every promise, which
    // makes them ten times as slow: it looks for who wants that only when another one is enabled.
    createHook({ init: () => {} })
      .enable()
      .disable()
  }
}
