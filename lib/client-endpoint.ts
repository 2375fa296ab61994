import type { Client, ClientOptions, Each } from './client.ts'
import type { Undo } from './emitter.ts'
import { Endpoint, isValue } from './endpoint.ts'
import { AnywireError, retryable, textOf } from './errors.ts'
import type { Failure } from './errors.ts'
import { ERR_CLOSED, ERR_HANDSHAKE_TIMEOUT, ERR_PROTOCOL, ERR_SESSION_LOST, ERR_SLOW, ERR_TIMEOUT } from './failures.ts'
import { HELLO } from './frames.ts'
import { isFinal, PROTOCOL } from './handshake.ts'
import type { Goodbye, Hello, Progress, Welcome } from './handshake.ts'
import { LaneEnd } from './lane.ts'
import { LIMITS } from './limits.ts'
import { openLink } from './link.ts'
import type { Greeting, LinkHost } from './link.ts'
import { MessageOutbox } from './outbox.ts'
import { install } from './plugin.ts'
import type { ClientPlugin } from './plugin.ts'
import type { ClientTransformer, Wire } from './transformer.ts'
import { print } from './print.ts'
import { LONGEST } from './timer.ts'
import { attemptUrl } from './url.ts'

type Supervisor = Parameters<Client['supervise']>[0]
type Timer = ReturnType<typeof setTimeout>

interface Ping {
  readonly since: number
  resolve(time: number): void
  reject(error: AnywireError): void
}

/** The options, whatever plugins they name. */
export type AnyClientOptions = Omit<ClientOptions, 'plugins'> & { readonly plugins?: readonly ClientPlugin[] }

/** Milliseconds for the answer to a probe, or to a goodbye. */
const PATIENCE = 5_000

/** The client's end of a connection: dials, resumes, and begins anew. */
export class ClientEndpoint extends Endpoint implements Client, LinkHost {
  outbox: MessageOutbox
  readonly #url: Each<string | URL>
  readonly #options: AnyClientOptions
  /** The plugins' ends of their lanes, by plugin. */
  readonly #ends = new Map<string, LaneEnd>()
  /** What plugins do while the client is in use, and what ends it. */
  readonly #starts: (() => Undo)[] = []
  #undos: Undo[] = []
  #supervisors: readonly Supervisor[] = []
  #holds: readonly (() => boolean)[] = []
  #pings: Ping[] = []
  #token = ''
  /** The attempt under way, or whose wire is in use; aborting it cuts the wire. */
  #attempt: AbortController | undefined
  readonly #timers = new Set<Timer>()

  constructor(url: Each<string | URL>, options: AnyClientOptions) {
    super(options.parser, { ...LIMITS, ...options.limits })
    this.#url = url
    // A URL that is none now will be none at each attempt.
    if (typeof url !== 'function') attemptUrl(url)
    this.#options = options
    this.outbox = new MessageOutbox(this.limits.window)
    install(this, options.plugins ?? [], plugin => {
      const lane = new LaneEnd(this)
      if (!plugin.local) this.#ends.set(plugin.name, lane)
      return plugin.client?.(this, lane, start => this.#starts.push(start))
    })
    if (options.open !== false) this.open()
  }

  open(): void {
    if (this.#attempt) return
    if (this.state === 'idle' || this.state === 'closed') {
      this.state = 'connecting'
      this.reopen()
      this.#undos = this.#starts.map(start => start())
    }
    void this.#dial((this.#attempt = new AbortController()))
  }

  supervise(supervisor: Supervisor): Undo {
    this.#supervisors = [...this.#supervisors, supervisor]
    return () => {
      this.#supervisors = this.#supervisors.filter(other => other !== supervisor)
    }
  }

  hold(waits: () => boolean): Undo {
    this.#holds = [...this.#holds, waits]
    return () => {
      this.#holds = this.#holds.filter(other => other !== waits)
    }
  }

  protected override get holding(): boolean {
    return this.#holds.some(waits => waits())
  }

  ping(): Promise<number> {
    return new Promise((resolve, reject) => {
      if (!this.wire) return reject(new AnywireError(ERR_CLOSED))
      this.#pings.push({ since: performance.now(), resolve, reject })
      this.sendPing()
    })
  }

  probe(timeout = PATIENCE): void {
    const { wire, life } = this
    if (!wire) return
    this.sendPing()
    this.#after(timeout, () => {
      if (this.wire === wire && this.life === life) this.#down(tell(ERR_TIMEOUT), false)
    })
  }

  finish(goodbye: Goodbye): void {
    // Without a wire, and with nothing to wait for, there is nobody to say goodbye to.
    if (this.wire || this.outbox.bytes || this.holding) this.goodbye(goodbye)
    else this.leave(goodbye)
  }

  leave(goodbye: Goodbye): void {
    if (this.state === 'closed') return
    if (!this.said) this.bid(goodbye)
    this.#hangUp(goodbye)
  }

  report(error: AnywireError, stage: string): void {
    // What an 'error' listener throws is none of its own business.
    if (stage === 'error' || !this.emit('error', error)) print(error)
  }

  protected override left(goodbye: Goodbye): void {
    this.#hangUp(goodbye)
  }

  protected override bid(goodbye: Goodbye): void {
    super.bid(goodbye)
    // The server answers by closing the wire. One that does not is left.
    this.#after(PATIENCE, () => this.#down(goodbye, true))
  }

  protected override ponged(): void {
    const ping = this.#pings.shift()
    ping?.resolve(performance.now() - ping.since)
  }

  /** The wire in use is gone. */
  lost(goodbye: Goodbye): void {
    this.#down((this.said && this.ending) || goodbye, this.said || isFinal(goodbye[0]))
  }

  async #dial(attempt: AbortController): Promise<void> {
    const { transformers, timeout = 10_000, query, auth } = this.#options
    const isCurrent = (): boolean => this.#attempt === attempt
    let goodbye: Goodbye = [1006, 'there is no transformer', 0]
    this.#after(timeout, () => this.#down(tell(ERR_HANDSHAKE_TIMEOUT), false))
    const asked = Promise.all([each(this.#url), each(auth)])
    for (const transformer of transformers) {
      try {
        const [url, credentials] = await asked
        if (!isCurrent()) return
        const greeting = this.#greeting(transformer, credentials)
        const failed = await openLink(transformer, attemptUrl(url, query), attempt.signal, greeting, this)
        if (!failed || !isCurrent()) return
        goodbye = failed.goodbye
        if (failed.refused) return this.#down(goodbye, true)
      } catch (error) {
        goodbye = [1006, textOf(error), 0]
      }
    }
    if (isCurrent()) this.#down(goodbye, false)
  }

  #greeting(transformer: ClientTransformer, auth: unknown): Greeting {
    const { plugins = [], schema } = this.#options
    const got = this.progress
    const resume = this.#token ? { session: this.#token, got } : {}
    const hello: Hello = {
      v: PROTOCOL,
      parser: this.parser.name,
      plugins: plugins.filter(({ local }) => !local).map(({ name, version }) => [name, version] as const),
      limit: this.limits.message,
      window: this.limits.window,
      auth,
      schema,
      ...resume
    }
    return {
      // Made here, where it does no harm that `auth` may be no JSON.
      hello: HELLO + JSON.stringify(hello),
      welcomed: (wire, welcome) => this.#welcomed(wire, welcome, transformer.name, got)
    }
  }

  #welcomed(wire: Wire, welcome: Welcome, transformer: string, known: Progress): void {
    const { id, token, recovered, got, lanes, window, limit, heartbeat } = welcome
    if (recovered) {
      if (!this.outbox.rewind(...got)) return this.fail(ERR_PROTOCOL)
    } else if (this.id) this.#lose(tell(ERR_SESSION_LOST), true)
    this.#clearTimers()
    this.id = id
    this.#token = token
    this.transformer = transformer
    this.state = 'open'
    this.outbox.window = Math.min(this.limits.window, window)
    this.remoteLimit = limit
    this.lanes = [undefined, ...lanes.map(name => this.#ends.get(name))]
    for (const [number, lane] of this.lanes.entries()) if (lane) lane.number = number
    this.attach(wire, recovered ? known : undefined)
    if (heartbeat) this.#listenFor(heartbeat * 1.5)
    // What waits is sent when this turn ends, behind what the handlers send.
    this.emit('open', { recovered })
  }

  /** Closes the wire as it should be, and is done with the session. */
  #hangUp(goodbye: Goodbye): void {
    if (this.wire) this.#attempt = undefined
    this.wire?.close(goodbye[0], '')
    this.#down(goodbye, true)
  }

  /** Probes the wire when nothing was heard for so many milliseconds. */
  #listenFor(time: number): void {
    const { life } = this
    this.#after(time, () => {
      if (this.life === life) this.probe()
      this.#listenFor(time)
    })
  }

  /** There is no wire any more, or still none. `over`: the session cannot go on either. */
  #down(goodbye: Goodbye, over: boolean): void {
    if (this.state === 'closed') return
    const [code, reason, after] = goodbye
    const attempt = this.#attempt
    this.#attempt = undefined
    this.#clearTimers()
    this.detach()
    attempt?.abort()
    for (const ping of this.#pings.splice(0)) ping.reject(new AnywireError(ERR_CLOSED))
    const returns = over ? !this.isClosed && retryable(code) : !this.said
    const reconnect = returns && this.#supervisors.some(supervise => supervise({ code, reason, after }))
    if (over || !reconnect) this.#lose(goodbye, reconnect)
    else if (this.state === 'open') {
      this.state = 'away'
      this.emit('disconnect', { code, reason, after, reconnect })
    }
  }

  /** The session is over. Where another one will follow, it takes over what was never sent. */
  #lose([code, reason, after]: Goodbye, reconnect: boolean): void {
    const existed = this.id
    const { sent, unsent } = this.outbox.clear()
    this.id = this.#token = ''
    this.state = reconnect ? 'connecting' : 'closed'
    this.renew()
    this.outbox = new MessageOutbox(this.limits.window)
    for (const lane of this.#ends.values()) lane.number = 0
    // What was too much for the old session would be too much for the new one.
    const keeps = reconnect && code !== ERR_SLOW[1]
    if (keeps) for (const message of unsent.filter(isValue)) this.outbox.add(message)
    if (existed || !keeps) {
      this.closed({ code, reason, after, reconnect }, keeps ? sent : [...sent, ...unsent], !reconnect)
    }
    if (!reconnect) for (const undo of this.#undos.splice(0).reverse()) undo()
  }

  #after(time: number, run: () => void): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer)
        run()
      },
      Math.min(time, LONGEST)
    )
    this.#timers.add(timer)
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}

const tell = ([, code, message]: Failure): Goodbye => [code, message, 0]

const each = async <T>(value: Each<T>): Promise<T> =>
  // A function is never the value itself: what is told to a server is data.
  typeof value === 'function' ? (value as () => T | Promise<T>)() : value
