import { checkEnd } from './checks.ts'
import type { AnyClientOptions, Client, Each, Keeper } from './client.ts'
import type { ConnectionEvents, WriteOptions } from './connection.ts'
import { makeDialer } from './dialer.ts'
import { each } from './each.ts'
import { Emitter, extend } from './emitter.ts'
import { AnywireError, endOf, retryable, tell, textOf } from './errors.ts'
import { ERR_CLOSED, ERR_HANDLER, ERR_INTERCEPTOR, ERR_OPTION, ERR_SESSION_LOST, ERR_SLOW } from './failures.ts'
import { isValue, payloadOf } from './frames.ts'
import type { Goodbye, Welcome } from './handshake.ts'
import { writeHello } from './hello.ts'
import { LaneEnd } from './lane.ts'
import { limitsOf } from './limits.ts'
import { makePipeline } from './pipeline.ts'
import { install, undoAll } from './plugin.ts'
import type { End } from './plugin.ts'
import { print } from './print.ts'
import { iterate, toReadable, toWritable } from './streams.ts'
import { inOrder } from './strategy.ts'
import type { Strategy } from './strategy.ts'
import { makeTraffic } from './traffic.ts'
import type { Trafficker } from './trafficker.ts'
import type { Data, Wire } from './transformer.ts'
import { attemptUrl } from './url.ts'

type Supervisor = Parameters<Client['supervise']>[0]

/** What a client has beside its events. */
type Members = { -readonly [K in Exclude<keyof Client, keyof Emitter<ConnectionEvents>>]: Client[K] } & Pick<
  Trafficker,
  'incoming' | 'outgoing' | 'failed' | 'listening'
>

/** The client's end of a connection: dials, resumes, and begins anew. */
export const makeClient = (url: Each<string | URL>, options: AnyClientOptions): Client => {
  const { parser, plugins = [], transformers } = options
  if (!transformers.every(({ supports }) => supports)) throw new AnywireError(ERR_OPTION, 'transformers')
  // A URL that is none now will be none at each attempt.
  if (typeof url !== 'function') attemptUrl(url)
  const limits = limitsOf(options.limits)
  /** The plugins' ends of their lanes, by plugin. */
  const ends = new Map<string, LaneEnd>()
  /** What plugins do while the client is in use, and what ends it. */
  const starts: (() => End)[] = []
  let undos: End[] = []
  /** What plugins do before the end. */
  const finishes: (() => Promise<void> | undefined)[] = []
  let strategy = inOrder
  let supervisor: Supervisor | undefined
  let keeper: Keeper | undefined
  let token = ''
  /** How often the client was opened; and whether the application ended it since: 1, or also asked to open it behind that: 2. */
  let uses = 0
  let ended: 0 | 1 | 2 = 0
  /** How many listeners for `close` the plugins have. */
  let own = 0
  let paused = false
  /** Bytes of values that came before anybody listened for them. */
  let unheeded = 0
  let readable: ReadableStream<unknown> | undefined
  let writable: WritableStream<unknown> | undefined

  const flowing = (): boolean => !paused && client.listenerCount('data') > 0

  /** What an 'error' listener throws is none of its own business. */
  const report = (error: AnywireError, event?: string): void => {
    if (event === 'error' || !client.emit('error', error)) print(error)
  }

  /** What a listener throws, or rejects with. */
  const failed = (error: unknown, event: string): void => {
    report(new AnywireError(ERR_HANDLER, `'${event}': ${textOf(error)}`, error), event)
  }

  /** What an interceptor throws, or what is behind it. */
  const intercepted = (error: unknown): void =>
    report(error instanceof AnywireError ? error : new AnywireError(ERR_INTERCEPTOR, textOf(error), error))

  /** What waits fills the window, which the lanes of plugins share. So it is told in time, once, where nobody has listened yet. */
  const came = (bytes: number): void => {
    unheeded += bytes
    if (unheeded > limits.window / 4) {
      unheeded = -Infinity
      report(new AnywireError(ERR_SLOW, "nobody listens for 'data'"))
    }
  }

  /** Ends in their order: a handler that ends the next session has that told behind the end of this one. */
  const told = makePipeline(print)

  /** Tells `lost` and `close`, behind the values that interceptors still work on. To be called last: handlers may do anything. */
  const closed = (goodbye: Goodbye, reconnect: boolean, fate: readonly Data[]): void => {
    const values = fate.filter(isValue).map(data => parser.decode(payloadOf(data)))
    const tellEnd = (): void =>
      told.after(() => {
        if (values.length) client.emit('lost', { values })
        client.emit('close', endOf(goodbye, reconnect))
        if (ended > 1) client.open()
      })
    // A session that follows does not wait.
    if (client.state === 'closed') client.incoming.rest(tellEnd)
    else tellEnd()
  }

  /** There is no wire, and none will come by itself. */
  const down = (goodbye: Goodbye, over?: boolean, gently?: boolean): void => {
    const { state, id } = client
    const [code, reason] = goodbye
    if (state === 'closed') return
    detach()
    stop(gently)
    const reconnect = (!over || (retryable(code) && !ended)) && !!supervisor?.(endOf(goodbye, true))
    let fate: Data[] | undefined
    if (over || !reconnect) {
      // What was too much for the old session would be too much for the new one.
      fate = forget(!reconnect || code === ERR_SLOW[1])
      // They may be more than a call takes arguments.
      if (!reconnect) fate = [...fate, ...(keeper?.take(true) ?? [])]
      client.id = token = ''
      client.state = reconnect ? 'connecting' : 'closed'
    } else if (id) client.state = 'away'
    requeue()
    // From here on handlers may do anything.
    if (!reconnect) void undoAll(undos, failed)
    if (fate) {
      // Otherwise nobody would learn why there never was a connection.
      if (!id && !reconnect && !ended && client.listenerCount('close') === own) print(`anywire: ${code} ${reason}`)
      if (id || !reconnect || fate[0]) closed(goodbye, reconnect, fate)
    } else if (state === 'open') client.emit('disconnect', endOf(goodbye, true))
  }

  /** Goes on over a wire, with the session of before or a new one. */
  const welcomed = (wire: Wire, welcome: Welcome, transformer: string): void => {
    const [id, renewed, recovered, , offers] = welcome
    const { id: known, state, transformer: from } = client
    const sent = recovered ? undefined : forget()
    const isOn = attach(wire, welcome)
    if (!isOn) return
    token = renewed
    Object.assign(client, { id, offers, transformer, state: 'open' })
    // From here on handlers may do anything.
    if (known && sent) closed(tell(ERR_SESSION_LOST), true, sent)
    if (isOn()) {
      if (state === 'open' && recovered) client.emit('migrate', { from, to: transformer })
      else client.emit('open', { recovered })
    }
    // What waits goes behind what the handlers sent.
    if (isOn()) requeue(keeper?.take())
  }

  const client: Emitter<ConnectionEvents> & Members = extend<Emitter<ConnectionEvents>, Members>(new Emitter(), {
    id: '',
    state: 'idle',
    transformer: '',
    offers: [],
    parser,
    auth: () => each(options.auth),
    incoming: makePipeline(intercepted, flowing),
    outgoing: makePipeline(intercepted),

    get bufferedBytes(): number {
      return heldBytes() + (keeper?.bytes ?? 0)
    },

    get readable(): ReadableStream<unknown> {
      return (readable ??= toReadable(client, client.incoming))
    },

    get writable(): WritableStream<unknown> {
      return (writable ??= toWritable(client))
    },

    [Symbol.asyncIterator]: () => iterate(client.readable),

    write(value: unknown, writing?: WriteOptions): boolean {
      const use = uses
      // What was written before the end is none of what may follow it.
      const isOver = (): boolean => use !== uses || client.state === 'closed'
      if (ended || isOver()) {
        report(new AnywireError(ERR_CLOSED))
        return false
      }
      const room = client.outgoing.write(
        value,
        passed => {
          if (isOver()) throw new AnywireError(ERR_CLOSED)
          return transmit(0, passed, writing)
        },
        writing
      )
      // What may be lost is not written again.
      if (!room && writing?.reliable !== false) client.outgoing.after(wait)
      return room
    },

    pause(): void {
      // Whoever pauses knows of the values.
      unheeded = -Infinity
      paused = true
    },

    resume(): void {
      paused = false
      client.incoming.work()
    },

    end(code?: number, reason?: string): void {
      const goodbye = checkEnd(code, reason)
      const before = ended
      ended = 1
      if (before) return
      const use = uses
      // What interceptors still work on was written before.
      const pending = finishes[0] && undoAll(finishes, failed)
      client.outgoing.after(() => pending)
      client.outgoing.after(() => {
        if (use !== uses) return
        // Without a wire, and with nothing to wait for, there is nobody to say goodbye to.
        if (client.state !== 'open' && (!client.bufferedBytes || client.state === 'idle')) leave(goodbye)
        else finish(goodbye)
      })
    },

    destroy(code?: number, reason?: string): void {
      const goodbye = checkEnd(code, reason)
      ended = 1
      leave(goodbye)
    },

    open(): void {
      if (client.state === 'idle' || client.state === 'closed') {
        client.state = 'connecting'
        uses++
        ended = 0
        readable = writable = undefined
        finish()
        undos = starts.map(start => start())
      }
      // How it went is told by events. Where a wire is sought already, nothing happens.
      if (client.state !== 'open') dial(strategy).catch(() => {})
      else ended &&= 2
    },

    async migrate(name: string): Promise<void> {
      const transformer = transformers.find(other => other.name === name)
      if (!transformer) throw new AnywireError(ERR_OPTION, `no transformer '${name}'`)
      if (client.state !== 'open') throw new AnywireError(ERR_CLOSED)
      return dial((_all, open) => open(transformer))
    },

    choose(other: Strategy): void {
      strategy = other
    },

    supervise(other: Supervisor): void {
      supervisor = other
    },

    keep(other: Keeper): void {
      keeper = other
    },

    before(finish: () => Promise<void> | undefined): void {
      finishes.push(finish)
    },

    ping: (timeout?: number) => ping(timeout),

    failed,

    listening(event: string): void {
      // The listener that starts the flow may come with others: they are all there when the first value is delivered.
      if (event !== 'data') return
      unheeded = -Infinity
      queueMicrotask(() => client.incoming.work())
    }
  })

  const [
    transmit,
    message,
    drain,
    ping,
    attach,
    detach,
    lost,
    forget,
    requeue,
    wait,
    leave,
    finish,
    progress,
    heldBytes
  ] = makeTraffic(client, limits, ends, () => keeper, report, came, down)

  const [dial, stop] = makeDialer(
    url,
    options,
    client,
    (auth, move) => writeHello(options, limits, auth, token, progress(), move),
    welcomed,
    message,
    drain,
    lost,
    down
  )

  install(client, plugins, plugin => {
    const lane = new LaneEnd({ transmit, failed })
    if (!plugin.local) ends.set(plugin.name, lane)
    return plugin.client?.(client, lane, start => starts.push(start))
  })
  own = client.listenerCount('close')
  if (options.open !== false) client.open()
  return client
}
