/** A promise that is settled from outside, and made only when somebody asks for it: so nobody has to handle its rejection. */
export class Later<T> {
  #promise: Promise<T> | undefined
  #resolve: ((value: T) => void) | undefined
  #reject: ((error: Error) => void) | undefined
  #make: (() => Promise<T>) | undefined

  get promise(): Promise<T> {
    this.#promise ??=
      this.#make?.() ??
      new Promise((resolve, reject) => {
        this.#resolve = resolve
        this.#reject = reject
      })
    return this.#promise
  }

  get isSettled(): boolean {
    return !!this.#make
  }

  /** Only the first call of the two methods counts. */
  resolve(value: T): void {
    this.#make ??= () => Promise.resolve(value)
    this.#resolve?.(value)
  }

  reject(error: Error): void {
    this.#make ??= async () => {
      throw error
    }
    this.#reject?.(error)
  }
}
