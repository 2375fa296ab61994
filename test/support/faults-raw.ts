import assert from 'node:assert/strict'
import type { Goodbye, Hello } from '../../lib/handshake.ts'
import type { ClientTransformer, Data, Wire } from '../../lib/transformer.ts'
import { until } from './faults-wait.ts'
import { readWelcome } from './faults-welcome.ts'
import type { Welcomed } from './faults-welcome.ts'

/** The hello of a client that asks for nothing special. */
export const hello = (more: Record<string, unknown> = {}): string =>
  `!0${JSON.stringify({ v: 1, parser: 'json', plugins: [], limit: 1_048_576, window: 1_048_576, ...more } satisfies Partial<Hello>)}`

/** A client without the library: what it says and hears are frames. */
export class RawClient {
  readonly heard: Data[] = []
  closed: { readonly code: number; readonly reason: string } | undefined
  wire: Wire | undefined
  readonly #abort = new AbortController()

  constructor(transformer: ClientTransformer, url: string, plain: boolean) {
    const target = new URL(url)
    if (target.pathname === '/') target.pathname = '/anywire'
    if (!plain) target.searchParams.set('anywire', '1')
    transformer.dial(
      target,
      {
        open: wire => (this.wire = wire),
        message: data => this.heard.push(data),
        drain() {},
        close: (code, reason) => (this.closed = { code, reason })
      },
      this.#abort.signal
    )
  }

  /** Opens a link, and says what it is told to. */
  static async dial(
    transformer: ClientTransformer,
    { url = 'http://memory', plain = false, say = [] as readonly Data[] } = {}
  ): Promise<RawClient> {
    const client = new RawClient(transformer, url, plain)
    await until(() => client.wire !== undefined || client.closed !== undefined, 'a wire')
    client.say(...say)
    return client
  }

  say(...messages: readonly Data[]): void {
    for (const message of messages) this.wire?.send(message)
  }

  abort(): void {
    this.#abort.abort()
  }

  /** The server's answer. */
  async welcome(): Promise<Welcomed> {
    await until(() => this.heard.length > 0 || this.closed !== undefined, 'an answer')
    const [answer] = this.heard
    assert.ok(typeof answer === 'string' && answer.startsWith('!1'), `${answer} ${JSON.stringify(this.closed)}`)
    return readWelcome(answer)
  }

  /** What the server said when it refused, or ended, the connection. */
  async goodbye(): Promise<Goodbye> {
    await until(() => this.closed !== undefined, 'a close')
    const last = this.heard.findLast(data => data.slice(0, 2) === '!2')
    assert.ok(typeof last === 'string', `no goodbye: ${JSON.stringify(this.closed)}`)
    return JSON.parse(last.slice(2)) as Goodbye
  }
}
