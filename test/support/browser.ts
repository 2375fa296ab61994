/** What a browser has and Node has not: events of the window, `navigator.onLine`, `document.hidden`. */
export class FakeBrowser {
  onLine = true
  hidden = false
  /** How many listeners there are. */
  listeners = 0
  readonly #target = new EventTarget()
  readonly #before = ['addEventListener', 'removeEventListener', 'navigator', 'document'].map(
    name => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const
  )

  constructor() {
    const add = (type: string, listener: EventListener, options?: AddEventListenerOptions): void => {
      this.listeners++
      options?.signal?.addEventListener('abort', () => this.listeners--)
      this.#target.addEventListener(type, listener, options)
    }
    const remove = (type: string, listener: EventListener): void => {
      this.listeners--
      this.#target.removeEventListener(type, listener)
    }
    for (const [name, value] of Object.entries({
      addEventListener: add,
      removeEventListener: remove,
      navigator: this,
      document: this
    })) {
      Object.defineProperty(globalThis, name, { value, configurable: true })
    }
  }

  /** Tells the page: `online`, `offline`, `pageshow`, `visibilitychange`. */
  tell(type: string): void {
    this.#target.dispatchEvent(new Event(type))
  }

  /** Makes Node Node again. */
  restore(): void {
    for (const [name, descriptor] of this.#before) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor)
      else Reflect.deleteProperty(globalThis, name)
    }
  }
}
