import type { Client, ClientOptions } from './client.ts'
import { Dialer } from './dialer.ts'
import type { DialerOwner, Each } from './dialer.ts'
import type { Undo } from './emitter.ts'
import { Endpoint, isValue } from './endpoint.ts'
import { AnywireError, failures, retryable } from './errors.ts'
import { isFinal, PROTOCOL } from './handshake.ts'
import type { Goodbye, Hello, Progress, Welcome } from './handshake.ts'
import { LaneEnd } from './lane.ts'
import type { Link } from './link.ts'
import { Liveness } from './liveness.ts'
import type { Parser } from './parser.ts'
import { Pings } from './pings.ts'
import { install } from './plugin.ts'
import type { ClientPlugin } from './plugin.ts'
import { DEFAULT_LIMITS, Session } from './session.ts'
import type { SessionLimits } from './session.ts'
import type { Wire } from './transformer.ts'

type Supervisor = Parameters<Client['supervise']>[0]

/** The options, whatever plugins they name. */
export type AnyClientOptions = Omit<ClientOptions, 'plugins'> & { readonly plugins?: readonly ClientPlugin[] }

/** The client's end of a connection: dials, resumes, and begins anew. */
export class ClientEndpoint extends Endpoint implements Client, DialerOwner {
  readonly parser: Parser
  session: Session
  readonly #options: AnyClientOptions
  readonly #limits: SessionLimits
  readonly #dialer: Dialer
  readonly #liveness = new Liveness(() => this.#dead())
  readonly #pings = new Pings()
  /** The plugins' ends of their lanes, by plugin. */
  readonly #ends = new Map<string, LaneEnd>()
  /** What plugins do while the client is in use, and what ends it. */
  readonly #starts: (() => Undo)[] = []
  #undos: Undo[] = []
  #supervisors: readonly Supervisor[] = []
  #link: Link | undefined
  #token = ''
  /** The progress that the last hello told. */
  #told: Progress | undefined

  constructor(url: Each<string | URL>, options: AnyClientOptions) {
    super()
    this.#options = options
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#dialer = new Dialer(url, options, this)
    this.parser = options.parser
    this.session = this.#newSession()
    install(this, options.plugins ?? [], plugin => {
      const lane = new LaneEnd(this)
      if (!plugin.local) this.#ends.set(plugin.name, lane)
      return plugin.client?.(this, lane, start => this.#starts.push(start))
    })
    if (options.open !== false) this.open()
  }

  open(): void {
    if (this.#link) return
    if (this.state === 'idle' || this.state === 'closed') {
      this.state = 'connecting'
      this.reopened()
      this.#undos = this.#starts.map(start => start())
    }
    this.#dialer.dial()
  }

  supervise(supervisor: Supervisor): Undo {
    this.#supervisors = [...this.#supervisors, supervisor]
    return () => {
      this.#supervisors = this.#supervisors.filter(other => other !== supervisor)
    }
  }

  ping(): Promise<number> {
    if (!this.#link) return Promise.reject(new AnywireError('ERR_CLOSED', 'there is no wire to ping'))
    this.session.ping()
    return this.#pings.add()
  }

  probe(timeout?: number): void {
    this.#liveness.probe(timeout)
  }

  finish(goodbye: Goodbye): void {
    // Without a wire, and with nothing to wait for, there is nobody to say goodbye to.
    if (this.#link || !this.session.outbox.empty) this.session.end(goodbye)
    else this.leave(goodbye)
  }

  leave(goodbye: Goodbye): void {
    this.session.abandon(goodbye)
    this.#down(goodbye, true)
  }

  left(goodbye: Goodbye): void {
    this.#link?.wire?.close(goodbye[0], goodbye[1])
    this.#down(goodbye, true)
  }

  ponged(): void {
    this.#pings.answer()
  }

  report(error: AnywireError): void {
    if (!this.emit('error', error)) console.error(error)
  }

  hello(auth: unknown): Hello {
    const { plugins = [], schema } = this.#options
    this.#told = this.session.progress
    return {
      v: PROTOCOL,
      parser: this.parser.name,
      plugins: plugins.filter(({ local }) => !local).map(({ name, version }) => [name, version] as const),
      limit: this.#limits.message,
      window: this.#limits.window,
      ...(auth !== undefined && { auth }),
      ...(schema !== undefined && { schema }),
      ...(this.#token && { session: this.#token, got: this.#told })
    }
  }

  welcomed(link: Link, wire: Wire, welcome: Welcome): void {
    const { recovered, got, lanes, window, limit, heartbeat } = welcome
    if (recovered) {
      if (!this.session.outbox.rewind(...got)) return this.fail(new AnywireError('ERR_PROTOCOL', 'impossible progress'))
    } else if (this.id) this.#lose([...failures.ERR_SESSION_LOST, 0], true)
    const { session } = this
    this.#link?.release()
    this.#link = link
    link.carry(session, goodbye => this.#lost(goodbye))
    this.id = welcome.id
    this.#token = welcome.token
    this.transformer = link.transformer
    this.#connectLanes(lanes)
    session.outbox.window = Math.min(this.#limits.window, window)
    session.remoteLimit = limit
    this.state = 'open'
    this.emit('open', { recovered })
    if (this.#link !== link) return
    session.attach(wire, recovered ? this.#told : undefined)
    this.#liveness.watch(session, heartbeat * 1.5)
  }

  refused(goodbye: Goodbye): void {
    this.#down(goodbye, true)
  }

  unreachable(goodbye: Goodbye): void {
    this.#down(goodbye, false)
  }

  #lost(goodbye: Goodbye): void {
    const { said, ending } = this.session
    this.#down((said && ending) || goodbye, said || isFinal(goodbye))
  }

  #dead(): void {
    const { wire } = this.session
    this.#link?.release()
    wire?.abort()
    this.#down([...failures.ERR_TIMEOUT, 0], false)
  }

  /** There is no wire any more, or still none. `over`: the session cannot go on either. */
  #down(goodbye: Goodbye, over: boolean): void {
    if (this.state === 'closed') return
    const [code, reason, after] = goodbye
    this.#dialer.stop()
    this.#liveness.stop()
    this.#pings.fail()
    this.#link?.release()
    this.#link = undefined
    this.session.detach()
    const mayReturn = !over || (!this.ended && retryable(code))
    const reconnect = mayReturn && this.#supervisors.some(supervise => supervise({ code, reason, after }))
    if (over || !reconnect) this.#lose(goodbye, reconnect)
    else if (this.state === 'open') {
      this.state = 'away'
      this.emit('disconnect', { code, reason, after, reconnect })
    }
  }

  /** The session is over. Where another one will follow, it takes over what was never sent. */
  #lose([code, reason, after]: Goodbye, reconnect: boolean): void {
    const existed = this.id !== ''
    const { sent, unsent } = this.session.outbox.clear()
    this.id = this.#token = ''
    this.state = reconnect ? 'connecting' : 'closed'
    this.session = this.#newSession()
    for (const lane of this.#ends.values()) lane.number = 0
    if (reconnect) for (const message of unsent.filter(isValue)) this.session.outbox.add(message, true)
    if (existed || !reconnect) {
      this.closed({ code, reason, after, reconnect }, reconnect ? sent : [...sent, ...unsent], !reconnect)
    }
    if (!reconnect) for (const undo of this.#undos.splice(0).reverse()) undo()
  }

  #connectLanes(names: readonly string[]): void {
    this.lanes = [undefined, ...names.map(name => this.#ends.get(name))]
    for (const [number, lane] of this.lanes.entries()) if (lane) lane.number = number
  }

  #newSession(): Session {
    return new Session(this, this.#limits, true, false)
  }
}
