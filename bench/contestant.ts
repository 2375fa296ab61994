import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Answer, Question } from './serve.ts'

/** A running server process. It is asked one question at a time. */
export class Contestant {
  readonly #process: ChildProcess
  readonly #exit: Promise<never>

  /** @param server - its file in servers/ */
  constructor(name: string, command: readonly string[], server = name) {
    const [program = '', ...options] = command
    this.#process = spawn(program, [...options, fileURLToPath(new URL(`servers/${server}.ts`, import.meta.url))], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      env: { ...process.env, NODE_ENV: 'production' },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc']
    })
    this.#exit = once(this.#process, 'exit').then(([code]) => {
      throw new Error(`The server process of ${name} ended with ${code}`)
    })
    this.#exit.catch(() => {})
  }

  /** The port, as soon as it listens. */
  async port(): Promise<number> {
    const answer = await this.#answer()
    if ('port' in answer) return answer.port
    throw new Error('A server did not tell its port')
  }

  /** Makes it send `values` values to all clients every `pace` milliseconds, `ticks` times; resolves after the last. */
  async broadcast(ticks: number, values: number, pace: number): Promise<void> {
    await this.#ask({ ask: 'broadcast', ticks, values, pace })
  }

  /** Microseconds of CPU time so far, of all its threads, in user and system mode. */
  async cpu(): Promise<number> {
    const answer = await this.#ask({ ask: 'usage' })
    return 'cpu' in answer ? answer.cpu : NaN
  }

  /** Bytes of resident memory after a full collection of garbage. */
  async memory(): Promise<number> {
    const answer = await this.#ask({ ask: 'collect' })
    return 'rss' in answer ? answer.rss : NaN
  }

  stop(): void {
    this.#process.kill('SIGKILL')
  }

  async #ask(question: Question): Promise<Answer> {
    const answer = this.#answer()
    this.#process.send(question)
    return await answer
  }

  async #answer(): Promise<Answer> {
    const [answer] = (await Promise.race([once(this.#process, 'message'), this.#exit])) as [Answer]
    return answer
  }
}
