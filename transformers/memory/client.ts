import type { ClientTransformer, Data, Receiver, Wire } from '../../lib/transformer.ts'
import { fill } from '../../lib/given.ts'
import type { Filled } from '../../lib/given.ts'

/** What a memory network does to its wires. Each property but the name may be changed at any time. */
export interface MemoryOptions {
  /** The transformer's name: several networks of one server need different ones. Default 'memory'. */
  readonly name?: string | undefined
  /** Milliseconds from one end to the other. Default 0: with the next turn of the event loop. */
  latency?: number | undefined
  /** The share, 0 to 1, of datagrams that are lost. Default 0. Messages are never lost or reordered. */
  loss?: number | undefined
  /** Bytes that may be on their way in one direction before a wire says "full". Default 65,536. */
  capacity?: number | undefined
  /** True: nothing can be dialled. Default false. */
  down?: boolean | undefined
  /** True: nothing arrives, and nobody is told. What is on its way waits until it is false again. Default false. */
  stalled?: boolean | undefined
  /** Where the dice for `loss` come from. Default `Math.random`. */
  random?: (() => number) | undefined
}

/** What a client asks the serving end. */
export interface MemoryRequest {
  /** Path and query. */
  readonly url: string
}

/** The serving end: takes a link, or says why not. */
export type MemoryAccept = (request: MemoryRequest) => Receiver | Error

/** A network within one process: what is dialled on it reaches who serves on it. */
export interface MemoryNetwork extends ClientTransformer, Filled<MemoryOptions> {
  /** How many links are open. */
  readonly links: number
  /** Serves. Undo: dials fail again. */
  serve(accept: MemoryAccept): () => void
  /** Cuts all links, as a network does: what is on its way is lost, both ends are told. */
  cut(): void
}

const DEFAULTS: Filled<MemoryOptions> = {
  name: 'memory',
  latency: 0,
  loss: 0,
  capacity: 65_536,
  down: false,
  stalled: false,
  random: () => Math.random()
}

/** Wires within one process, for tests and for servers that talk to themselves. */
export const memory = (options: MemoryOptions = {}): MemoryNetwork => new Network(options)

class Network implements MemoryNetwork {
  readonly name: string
  readonly supports = { binary: true, backpressure: true, datagrams: true, closeCodes: true }
  latency: number
  loss: number
  capacity: number
  down: boolean
  random: () => number
  #stalled: boolean
  readonly #open = new Set<MemoryWire>()
  #accept: MemoryAccept | undefined
  #queue: { readonly due: number; readonly run: () => void }[] = []
  #scheduled = false

  constructor(options: MemoryOptions) {
    const { name, latency, loss, capacity, down, stalled, random } = fill(DEFAULTS, options)
    this.name = name
    this.latency = latency
    this.loss = loss
    this.capacity = capacity
    this.down = down
    this.#stalled = stalled
    this.random = random
  }

  get stalled(): boolean {
    return this.#stalled
  }

  set stalled(stalled: boolean) {
    this.#stalled = stalled
    this.#schedule()
  }

  get links(): number {
    return this.#open.size / 2
  }

  serve(accept: MemoryAccept): () => void {
    this.#accept = accept
    return () => {
      if (this.#accept === accept) this.#accept = undefined
    }
  }

  cut(): void {
    for (const wire of this.#open) wire.abort()
  }

  dial(url: URL, receiver: Receiver, signal: AbortSignal): void {
    const near = new MemoryWire(this, receiver)
    signal.addEventListener('abort', () => near.abort())
    this.later(() => {
      if (near.closed) return
      const far = this.down ? new Error('the network is down') : this.#accept?.({ url: url.pathname + url.search })
      if (far === undefined || far instanceof Error) return near.end(1006, '', far ?? new Error('nobody serves here'))
      if (near.closed) return far.close(1006, '')
      near.join(new MemoryWire(this, far))
    })
  }

  opened(wire: MemoryWire): void {
    this.#open.add(wire)
  }

  closed(wire: MemoryWire): void {
    this.#open.delete(wire)
  }

  loses(): boolean {
    return this.random() < this.loss
  }

  /** Calls `run` after the latency, and behind everything that was to be called before. */
  later(run: () => void): void {
    this.#queue.push({ due: Date.now() + this.latency, run })
    this.#schedule()
  }

  #schedule(): void {
    const [first] = this.#queue
    if (!first || this.#scheduled || this.#stalled) return
    this.#scheduled = true
    const wait = first.due - Date.now()
    const work = (): void => this.#work()
    if (wait <= 0 && typeof setImmediate === 'function') setImmediate(work)
    else setTimeout(work, wait)
  }

  #work(): void {
    this.#scheduled = false
    const now = Date.now()
    const later = this.#queue.findIndex(({ due }) => due > now)
    // What is called may add to the queue, behind what is due now.
    const jobs = this.#queue.splice(0, later < 0 ? Infinity : later)
    for (const [index, { run }] of jobs.entries()) {
      if (this.#stalled) {
        this.#queue = [...jobs.slice(index), ...this.#queue]
        return
      }
      run()
    }
    this.#schedule()
  }
}

/** One end of a link. */
class MemoryWire implements Wire {
  readonly #network: Network
  readonly #receiver: Receiver
  #remote: MemoryWire | undefined
  #full = false
  #closing = false
  closed = false
  buffered = 0

  constructor(network: Network, receiver: Receiver) {
    this.#network = network
    this.#receiver = receiver
  }

  /** Opens both ends of a link. */
  join(remote: MemoryWire): void {
    this.#remote = remote
    remote.#remote = this
    for (const wire of [remote, this]) {
      this.#network.opened(wire)
      if (!wire.closed) wire.#receiver.open(wire)
    }
  }

  send(data: Data): boolean {
    if (this.closed || this.#closing) return false
    const sent = copy(data)
    this.buffered += data.length
    this.#network.later(() => this.#arrive(sent))
    this.#full = this.buffered >= this.#network.capacity
    return !this.#full
  }

  datagram(data: Data): void {
    if (this.closed || this.#closing || this.#network.loses()) return
    const sent = copy(data)
    this.#network.later(() => this.#remote?.hear(sent))
  }

  close(code: number, reason: string): void {
    if (this.closed || this.#closing) return
    this.#closing = true
    this.#network.later(() => {
      this.#remote?.end(code, reason)
      this.#network.later(() => this.end(code, reason))
    })
  }

  abort(): void {
    if (this.closed) return
    const remote = this.#remote
    // What is on its way is lost, in both directions.
    this.#remote = undefined
    this.end(1006, '')
    if (!remote) return
    remote.#remote = undefined
    this.#network.later(() => remote.end(1006, ''))
  }

  end(code: number, reason: string, error?: Error): void {
    if (this.closed) return
    this.closed = true
    this.#network.closed(this)
    this.#receiver.close(code, reason, error)
  }

  hear(data: Data): void {
    if (!this.closed) this.#receiver.message(data)
  }

  #arrive(data: Data): void {
    this.buffered -= data.length
    this.#remote?.hear(data)
    if (!this.#full || this.closed || this.buffered >= this.#network.capacity) return
    this.#full = false
    this.#receiver.drain()
  }
}

/** What a sender does to its bytes afterwards does not change what is on its way. */
const copy = (data: Data): Data => (typeof data === 'string' ? data : data.slice())
export type * from '../../lib/types.ts'
