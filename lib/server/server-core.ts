import type { Server as HttpListener } from 'node:http'
import { CheckedEmitter } from '../checked-emitter.ts'
import { AnywireError, textOf } from '../errors.ts'
import {
  ERR_BUSY,
  ERR_HANDLER,
  ERR_LISTEN,
  ERR_OPTION,
  ERR_REPLACED,
  ERR_SERVER,
  ERR_SESSION_LOST,
  ERR_SHUTDOWN
} from '../failures.ts'
import type { Filled } from '../given.ts'
import type { Goodbye, Hello } from '../handshake.ts'
import { MAX_LANE } from '../frames.ts'
import { INSPECT } from '../inspect.ts'
import { install, undoAll } from '../plugin.ts'
import type { End } from '../plugin.ts'
import { print } from '../print.ts'
import type { Receiver, Wire } from '../transformer.ts'
import { DEFAULT_PATH } from '../url.ts'
import { Addresses } from './addresses.ts'
import { Admission } from './admission.ts'
import type { Admitted } from './admission.ts'
import { AwaySessions } from './away.ts'
import { checkCloseOptions, checkOptions } from './check-options.ts'
import { serveClient } from './client-file.ts'
import { count, Tally } from './counters.ts'
import { dismiss } from './dismiss.ts'
import { EndedSessions } from './ended.ts'
import { findSession } from './find-session.ts'
import { makeGuest } from './guest.ts'
import { Heartbeat } from './heartbeat.ts'
import { HttpHost } from './http-host.ts'
import { ServerLink } from './link.ts'
import type { LinkHost } from './link.ts'
import type { Listener, LinkRequest } from './listener.ts'
import { makeId } from './make-id.ts'
import { closeHttp, makeHttp } from './own-http.ts'
import { serverLimitsOf, recoveryOf } from './options.ts'
import type { HttpServer } from './http.ts'
import type { AnyServerOptions, Recovery, ServerLimits } from './options.ts'
import type { Handshake, Peer } from './peer.ts'
import { PeerEndpoint } from './peer-endpoint.ts'
import type { PeerHost } from './peer-host.ts'
import { checkNames } from './peer-names.ts'
import { multicast, PeerSet } from './peers.ts'
import { inOrder } from './plugin.ts'
import type { ServerPlugin } from './plugin.ts'
import type { CloseOptions, MulticastOptions, Server, ServerEvents } from './server.ts'
import { showServer } from './show-server.ts'
import { SERVER_EVENTS } from './server-events.ts'

/** Accepts links, has clients judged, and keeps the peers. */
export class ServerCore extends CheckedEmitter<ServerEvents> implements Server, PeerHost, LinkHost {
  protected readonly eventNames = SERVER_EVENTS
  readonly peers = new PeerSet()
  readonly http: HttpServer | undefined
  readonly path: string
  readonly judges: boolean
  readonly limits: ServerLimits
  readonly plugins: readonly ServerPlugin[]
  readonly lanes: readonly string[]
  readonly transformers: readonly string[]
  readonly recovery: Recovery | undefined
  readonly heartbeat: number
  readonly counters = new Tally()
  readonly server: Server = this
  readonly [INSPECT] = showServer(this)
  readonly admission: Admission
  readonly host: HttpHost
  readonly #options: AnyServerOptions
  readonly #listeners: Listener[] = []
  readonly #heart: Heartbeat
  /** The http.Server of this server alone. */
  readonly #own: HttpListener | undefined
  readonly #undos: End[] = []
  readonly #addresses: Addresses<PeerEndpoint>
  /** Links that carry no peer: their clients are not accepted yet, or their wires are about to close. */
  readonly #waiting = new Set<ServerLink>()
  /** Peers whose clients may come back. */
  readonly #away: AwaySessions<PeerEndpoint>
  readonly #ended: EndedSessions
  #closing: Promise<void> | undefined
  #emptied: (() => void) | undefined

  constructor(http: HttpServer | undefined, options: AnyServerOptions) {
    super()
    checkOptions(http, options)
    const { path = DEFAULT_PATH, port, socket, plugins = [], heartbeat = 25_000 } = options
    this.#options = options
    this.admission = new Admission(options, (error, stage) => this.#report(error, stage))
    this.path = path.replace(/(?<=.)\/$/, '')
    this.judges = options.authenticate !== undefined
    this.limits = serverLimitsOf(options)
    checkNames((this.plugins = inOrder(plugins)))
    this.lanes = this.plugins.filter(({ local }) => !local).map(({ name }) => name)
    this.transformers = options.transformers.map(({ name }) => name)
    if (this.lanes.length > MAX_LANE) throw new AnywireError(ERR_OPTION, `at most ${MAX_LANE} plugins can have lanes`)
    this.heartbeat = heartbeat
    this.recovery = recoveryOf(options)
    this.#addresses = new Addresses(this.limits.connections)
    this.#away = new AwaySessions(this.recovery?.sessions ?? 0, this.recovery?.bytes ?? 0)
    this.#ended = new EndedSessions(this.recovery?.sessions ?? 0, this.recovery?.time ?? 0)
    if (!http && (port !== undefined || socket !== undefined)) this.#own = makeHttp()
    this.http = this.#own ?? http
    this.host = new HttpHost(
      this.http,
      this.path,
      this.limits.message,
      error => this.#report(error, 'listen'),
      request => this.admission.allows(request),
      request => this.admission.address(request)
    )
    this.#heart = new Heartbeat(heartbeat)
    try {
      if (options.client) {
        const missing = (error: AnywireError) => {
          if (!this.#closing) this.#report(error, 'client')
        }
        this.host.onRequest(serveClient(this.path, options.client, missing))
      }
      for (const transformer of options.transformers) {
        this.#listeners.push(transformer.listen(this.host, request => this.#accept(transformer.name, request)))
      }
      install(this, this.plugins, plugin => plugin.server?.(this, start => this.#undos.push(start())))
    } catch (error) {
      // What was begun is undone: nobody else could.
      this.host.detach()
      void this.close()
      throw error
    }
    this.#own?.on('error', error => this.#report(new AnywireError(ERR_LISTEN, error.message, error), 'listen'))
    this.#own?.once('listening', () => this.emit('listening', this.#own?.address() ?? null))
    this.#own?.listen(socket === undefined ? { port, host: options.host } : { path: socket })
  }

  multicast(peers: Iterable<Peer>, value: unknown, options?: MulticastOptions): number {
    const lane = options?.lane === undefined ? 0 : this.lanes.indexOf(options.lane) + 1
    if (options?.lane !== undefined && lane === 0)
      throw new AnywireError(ERR_OPTION, `there is no lane '${options.lane}'`)
    return multicast(peers, lane, value, options)
  }

  async admit(link: ServerLink, wire: Wire, hello: Hello | undefined): Promise<AnywireError | undefined> {
    const judged = await this.admission.judge(link.handshake, hello)
    if (judged instanceof AnywireError) return judged
    const peer = hello && (await findSession(this, hello, judged))
    if (link.closed) return undefined
    if (this.#closing) return new AnywireError(ERR_SHUTDOWN)
    // What another hello has brought meanwhile is newer, however long this one took.
    if (peer && link.order < peer.order) return new AnywireError(ERR_REPLACED)
    const { state, transformer: from } = peer ?? {}
    // It may have ended since it was found.
    if (!hello || !peer || peer.state === 'closed' || !peer.recover(link, wire, hello)) {
      const ended = this.#ended.find(hello?.session)
      if (ended) return ended
      // A client that only wants to move has a session already.
      return hello?.move ? new AnywireError(ERR_SESSION_LOST) : this.#welcome(link, wire, judged, hello)
    }
    this.#waiting.delete(link)
    this.counters.recovered++
    // The one that was let in last: it may have more to say, such as when it expires.
    peer.take(judged.context)
    if (peer.state !== 'open') return undefined
    // A client that was not missed has moved, as far as this end knows.
    if (state === 'open') peer.emit('migrate', { from: from ?? '', to: peer.transformer })
    else peer.emit('open', { recovered: true })
    return undefined
  }

  guest(handshake: Handshake, context: unknown): Peer {
    return makeGuest(this, this.#options.parsers, handshake, context)
  }

  renewed(peer: PeerEndpoint, before: unknown): void {
    this.emit('context', peer, before)
  }

  refused(handshake: Handshake, error: AnywireError): AnywireError {
    count(this.counters.refused, error.status)
    this.emit('refused', error, handshake)
    return error
  }

  left(link: ServerLink): void {
    this.#waiting.add(link)
  }

  released(link: ServerLink): void {
    this.#waiting.delete(link)
    this.#addresses.exit(link.handshake.address)
    this.#checkEmpty()
  }

  tell(error: AnywireError, stage: string, peer: PeerEndpoint): void {
    // What an 'error' listener throws is none of its own business.
    if (stage !== 'error') peer.emit('error', error)
    this.#report(error, stage, peer)
  }

  away(peer: PeerEndpoint): void {
    // Nobody can come back to a server that closes.
    if (this.#closing) return peer.abandon([ERR_SHUTDOWN[1], ERR_SHUTDOWN[2], 0])
    this.#heart.remove(peer)
    this.#addresses.left(peer)
    this.#away.add(peer)
  }

  kept(peer: PeerEndpoint): void {
    this.#away.update(peer)
  }

  back(peer: PeerEndpoint): void {
    if (!this.#away.delete(peer)) return
    this.#addresses.back(peer)
    this.#heart.add(peer)
  }

  closed(peer: PeerEndpoint, code: number, verdict: Goodbye | undefined): void {
    this.#away.delete(peer)
    // One that a plugin ended before it began was never there.
    if (!this.peers.delete(peer)) return
    if (verdict && !peer.plain && !this.#closing) this.#ended.add(peer.id, peer.ticket, verdict)
    this.#heart.remove(peer)
    this.#addresses.end(peer)
    count(this.counters.closed, code)
    this.#checkEmpty()
  }

  close(options: CloseOptions = {}): Promise<void> {
    const { timeout = 10_000, reconnect = 5_000 } = options
    checkCloseOptions(options)
    return (this.#closing ??= this.#close({ timeout, reconnect }))
  }

  override failed(error: unknown, event: string): void {
    const failure = new AnywireError(ERR_HANDLER, `a listener for '${event}': ${textOf(error)}`, error)
    if (event === 'error') print(failure)
    else this.#report(failure, event)
  }

  async #close(options: Filled<CloseOptions>): Promise<void> {
    // Links that open from here on are refused: `#closing` is set when this function first waits.
    await Promise.resolve()
    const emptied = new Promise<void>(resolve => (this.#emptied = resolve))
    const stop = dismiss(this.peers, this.#waiting, options)
    this.#checkEmpty()
    await emptied
    stop()
    await undoAll(this.#undos, (error, event) => this.admission.failed(error, event))
    for (const part of [this.#heart, this.#ended]) part.stop()
    for (const listener of this.#listeners) {
      try {
        await listener.close()
      } catch (error) {
        this.admission.failed(error, 'close')
      }
    }
    this.host.detach()
    if (this.#own) await closeHttp(this.#own)
    this.emit('close')
  }

  #checkEmpty(): void {
    if (this.peers.size === 0 && this.#waiting.size === 0) this.#emptied?.()
  }

  #report(error: AnywireError, stage: string, peer?: PeerEndpoint): void {
    if (!this.emit('error', error, peer ? { stage, peer } : { stage })) print(error)
  }

  #accept(transformer: string, request: LinkRequest): Receiver | AnywireError {
    if (this.#closing) return new AnywireError(ERR_SHUTDOWN)
    const handshake = this.host.handshake(transformer, request)
    const { plain, address } = handshake
    const refusal = this.admission.refusal(request, plain)
    // A plain client cannot be told in any other way.
    if (refusal && plain) return this.refused(handshake, refusal)
    if (!this.#addresses.enter(address)) return this.refused(handshake, new AnywireError(ERR_BUSY, `from ${address}`))
    const link = new ServerLink(this, handshake, refusal)
    this.#waiting.add(link)
    return link
  }

  #welcome(link: ServerLink, wire: Wire, admitted: Admitted, hello: Hello | undefined): AnywireError | undefined {
    const { context, parser } = admitted
    const id = this.#ask('id', () => makeId(this.#options.id?.(link.handshake), other => this.peers.has(other)))
    const peer = id && this.#ask('plugin', () => new PeerEndpoint(this, id, link.handshake, context, parser, hello))
    if (!peer || peer.state === 'closed') return new AnywireError(ERR_SERVER)
    this.peers.add(peer)
    this.#heart.add(peer)
    this.#waiting.delete(link)
    this.counters.connections++
    const oldest = this.#addresses.begin(peer)
    if (oldest) this.#away.giveUp(oldest)
    peer.carry(link, wire)
    this.emit('connection', peer)
    if (peer.state === 'open') peer.emit('open', { recovered: false })
    link.catchUp()
    return undefined
  }

  /** Calls what the application gave. Undefined: it failed, which is reported. */
  #ask<T>(stage: string, ask: () => T): T | undefined {
    try {
      return ask()
    } catch (error) {
      this.admission.failed(error, stage)
      return undefined
    }
  }
}
