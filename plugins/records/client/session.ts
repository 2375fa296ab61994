import { decodeFrame, encodeFrame } from '../core/client-codec.ts'
import type { Behind, ClientFrame, Delta, Follow, Mismatch, Notice, SchemaVersion, Welcome } from '../core/frame.ts'
import type { Engine } from './engine.ts'
import type { Entry } from './entry.ts'
import type { ServerClock } from './offset.ts'
import type { Outbox } from './outbox.ts'
import { piecesOf } from './pieces.ts'
import type { Scope } from './scope.ts'
import type { Scopes } from './scopes.ts'

/** Sends a frame. Returns false when it is accepted, but there is no more room until `drained`. Throws where it is too large. */
export type Send = (frame: Uint8Array) => boolean

/** The version of the frames. */
const VERSION = 1

/** Of so many nodes it is asked at once what became of their writes; clients of which more are left hear of those later. */
const NODES = 50

/** A question that takes longer, in milliseconds, tells the time badly, so it is asked again, so many times in all. */
const SLOW = 1_000
const QUESTIONS = 8

/** What a session does for its replica. */
export interface SessionHost {
  readonly clock: ServerClock
  readonly scopes: Scopes
  readonly outbox: Outbox
  readonly schema: SchemaVersion | undefined
  /** Proves that nodes are this storage's. */
  readonly secret: string
  /** What the authority takes, in bytes. */
  limits: Engine['limits']
  /** The session goes on, and the time is known well enough for what was never sent. */
  welcomed(): void
  /** What this end shows of others that have its storage: their nodes, and from which number on. @param most - nodes */
  named(most: number): readonly Behind[]
  /** A delta, with the pages before it. */
  changed(pages: readonly Delta[], epoch: string): void
  mismatched(mismatch: Mismatch): void
  noticed(notice: Notice): void
  /** A write cannot be sent, because it is too large, or nothing that can be encoded; it was not. */
  unsendable(entry: Entry, error: unknown): void
}

/** The link to the authority, from one hello to its end. */
export class Session {
  readonly #host: SessionHost
  readonly #send: Send
  #isFull = false
  #isWelcome = false
  /** Whether writes that were never sent may go: not before the time is known. */
  isTimed = false
  #questions = 0
  /** Of so many nodes it was asked. */
  #named = 0
  #pages: Delta[] = []
  #epoch = ''
  #released: number[] = []
  #isFlushing = false

  /** Says hello. */
  constructor(host: SessionHost, send: Send) {
    this.#host = host
    this.#send = send
    host.outbox.rewind()
    this.hello()
  }

  hello(): void {
    const { schema, scopes, outbox, secret } = this.#host
    scopes.wanted.clear()
    for (const scope of scopes.all) scopes.want(scope)
    const [follows = [], ...more] = this.#wanted()
    const nodes = new Map(
      outbox.queues
        .flatMap(({ node, entries: [first] }) => (first ? [[node, first.number] as const] : []))
        .slice(0, NODES)
    )
    for (const [node, number] of this.#host.named(NODES - nodes.size))
      nodes.set(node, Math.min(number, nodes.get(node) ?? number))
    this.#named = nodes.size
    const behind = outbox.last
    this.#write({
      type: 'hello',
      version: VERSION,
      secret,
      schema,
      asked: this.#ask(),
      nodes: [...nodes],
      follows,
      behind
    })
    // The answer need not be awaited for these.
    for (const follows of more) this.#write({ type: 'follow', follows, behind })
  }

  receive(bytes: Uint8Array): void {
    const frame = decodeFrame(bytes)
    if (frame.type === 'welcome') this.#welcome(frame)
    else if (frame.type === 'pong') this.#measure(frame.asked, frame.time)
    else if (frame.type === 'mismatch') this.#host.mismatched(frame)
    else if (frame.type === 'notice') this.#host.noticed(frame)
    else if (frame.type === 'delta') {
      this.#pages.push(frame)
      if (frame.more) return
      const pages = this.#pages
      this.#pages = []
      this.#host.changed(pages, this.#epoch)
    }
  }

  /** Asks for the time once more. */
  ping(): void {
    if (this.#isWelcome) this.#write({ type: 'ping', asked: this.#ask() })
  }

  /** There is no link any more. */
  end(): void {
    this.#isWelcome = false
  }

  drained(): void {
    this.#isFull = false
    this.flush()
  }

  /** The authority need not follow it any more. */
  release(scope: Scope): void {
    if (scope.isAsked) this.#released.push(scope.number)
    this.later()
  }

  /** Sends what there is at the end of this turn. */
  later(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    queueMicrotask(() => {
      this.#isFlushing = false
      this.flush()
    })
  }

  /** Sends what there is, as long as there is room. */
  flush(): void {
    if (!this.#isWelcome || this.#isFull) return
    const scopes = this.#released.splice(0)
    if (scopes.length) this.#write({ type: 'unfollow', scopes })
    const behind = this.#host.outbox.last
    for (const follows of this.#wanted()) if (follows.length) this.#write({ type: 'follow', follows, behind })
    if (!this.isTimed) return
    this.#host.outbox.send(entry => this.#sendEntry(entry))
  }

  /** Has the authority tell of one more node, from a number on. @returns false: it tells of enough */
  hear(node: string, number: number): boolean {
    if (this.#named >= NODES) return false
    this.#named++
    this.#write({ type: 'nodes', nodes: [[node, number]] })
    return true
  }

  confirm(node: string, number: number): void {
    if (this.#isWelcome) this.#write({ type: 'confirm', node, number })
  }

  #sendEntry(entry: Entry): boolean {
    entry.moment = undefined
    const put = (): boolean => {
      const bytes = encodeFrame(entry.frame)
      entry.size = bytes.length
      return this.#put(bytes)
    }
    try {
      return put()
    } catch (error) {
      // Whatever is wrong with it, it stays so: those behind it get its number, and go on.
      this.#host.unsendable(entry, error)
      return put()
    }
  }

  /** What the authority is to be asked for, and was not, in frames well below the largest. */
  #wanted(): Follow[][] {
    const { scopes, limits } = this.#host
    const wanted = [...scopes.wanted]
    scopes.wanted.clear()
    const pieces = piecesOf(wanted, limits.maxFrame / 4)
    for (const scope of wanted) scope.isAsked = true
    for (const { scope: number, epoch } of pieces.flat()) {
      const scope = scopes.get(number)
      if (scope) scope.mayBeOld = epoch !== ''
    }
    return pieces
  }

  #welcome({ epoch, asked, time, maxValue, maxFrame }: Welcome): void {
    this.#epoch = epoch
    this.#host.limits = { maxValue, maxFrame }
    this.#isWelcome = true
    this.#measure(asked, time)
  }

  #measure(asked: number, time: number): void {
    const { clock, outbox } = this.#host
    const trip = clock.measure(asked, time)
    if (this.isTimed) return
    if (trip > SLOW && this.#questions < QUESTIONS && outbox.isDoubtful) this.ping()
    else {
      this.isTimed = true
      this.#host.welcomed()
    }
    this.flush()
  }

  #ask(): number {
    return this.#host.clock.ask(this.#questions++ === 0)
  }

  #write(frame: ClientFrame): void {
    this.#put(encodeFrame(frame))
  }

  #put(bytes: Uint8Array): boolean {
    this.#isFull = !this.#send(bytes)
    return !this.#isFull
  }
}
