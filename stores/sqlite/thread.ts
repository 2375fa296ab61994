import { Worker } from 'node:worker_threads'
import { AnywireError, textOf } from '../../lib/errors.ts'
import { ERR_MISSING_PACKAGE, ERR_STORE } from '../../lib/failures.ts'
import type { Reply, Request, ThreadData, ThreadFailure } from './messages.ts'

interface Pending {
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: AnywireError) => void
}

/** Bundlers know this shape, and put the file beside what they make. */
const beside = (): URL => new URL('./worker.js', import.meta.url)

export const toError = ({ code, hint }: ThreadFailure): AnywireError =>
  new AnywireError(code === 'ERR_MISSING_PACKAGE' ? ERR_MISSING_PACKAGE : ERR_STORE, hint)

const explain = (error: Error, file: URL): string =>
  'code' in error && String(error.code).endsWith('MODULE_NOT_FOUND')
    ? `${file.href} is missing: keep anywire out of the bundle, or say in the option worker where the file is`
    : `its thread has ended, ${textOf(error)}: the next attempt starts another one`

/** A thread of the store. It keeps the process alive only while somebody waits for it. */
export class Thread {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  readonly #exited: Promise<void>
  #last = 0
  #death: AnywireError | undefined

  constructor(data: ThreadData, file = beside()) {
    // What the application preloads into its own threads has nothing to do in this one, and takes its time.
    this.#worker = new Worker(file, { workerData: data, execArgv: [], name: `anywire ${data.role}` })
    this.#worker.unref()
    this.#worker.on('message', (reply: Reply) => this.#hear(reply))
    this.#worker.on('error', error => this.#die(explain(error, file)))
    this.#exited = new Promise(resolve => {
      this.#worker.once('exit', () => {
        this.#die('its thread has ended: the next attempt starts another one')
        resolve()
      })
    })
  }

  get isDead(): boolean {
    return !!this.#death
  }

  /** @throws what it failed with, as AnywireError */
  ask(request: Request): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#death) return reject(this.#death)
      const id = ++this.#last
      this.#pending.set(id, { resolve, reject })
      this.#worker.ref()
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
      this.#worker.postMessage({ id, request })
    })
  }

  /** Ends it behind what it was asked; never rejects. */
  async end(): Promise<void> {
    await this.ask({ type: 'close' }).catch(() => this.#worker.terminate())
    this.#worker.ref()
    await this.#exited
  }

  #hear(reply: Reply): void {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if (this.#pending.size === 0) this.#worker.unref()
    if (reply.failure) pending?.reject(toError(reply.failure))
    else pending?.resolve(reply)
  }

  #die(why: string): void {
    this.#death ??= new AnywireError(ERR_STORE, why)
    for (const { reject } of this.#pending.values()) reject(this.#death)
    this.#pending.clear()
  }
}
