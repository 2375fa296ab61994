import type { Failure } from '../../../lib/errors.ts'
import { ERR_NODE, ERR_PROTOCOL, ERR_RATE, ERR_SERVER } from '../../../lib/failures.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import { FrameReader } from '../core/frame-bytes.ts'
import { decodeFrame, encodeFrame } from '../core/server-codec.ts'
import type { Behind, ClientFrame, Hello, ServerFrame, WriteFrame } from '../core/frame.ts'
import { Feed } from './feed.ts'
import type { FeedHost, FollowerLink } from './feed.ts'
import { identityOf } from './identity.ts'
import type { Author, Intake } from './intake.ts'
import { adviceFor } from './schema.ts'
import { isNode, isSecret } from './forget-writers.ts'
import type { Settings } from './settings.ts'
import type { Turn } from './turns.ts'
import type { Writer, Writers } from './writer.ts'

/** Of what the two halves say to each other. */
export const VERSION = 1

export interface FollowerHost extends FeedHost {
  readonly writers: Writers
  readonly intake: Intake
  /** What is kept of a secret. */
  seal(secret: string): string
}

/** What there is of a client that was welcomed. */
interface Session {
  readonly host: FollowerHost
  readonly feed: Feed
  /** Of the secret that its client showed. */
  readonly seal: string
}

/** Somebody who waits until so many frames are done with, and a write that was announced. */
interface Wait {
  readonly count: number
  readonly behind: Behind | undefined
  readonly resolve: () => void
}

/** The authority's end of one client: takes what it says. */
export class Follower implements Author {
  /** Frames that came, those that are done with, and the bytes of the others. */
  #received = 0
  done = 0
  #bytes = 0
  /** The last write that its client has announced. */
  #behind: Behind | undefined
  #waits: Wait[] = []
  readonly #opening: Promise<FollowerHost>
  readonly #link: FollowerLink
  readonly #settings: Settings
  readonly #left: () => void
  #session: Session | undefined
  /** That of the session that ended as its client came to be somebody else; until it says hello again. */
  #last: FollowerHost | undefined
  #isRefused = false
  /** What stands for whose state it has, as it was told. */
  #identity: number | undefined
  #isEnded = false
  /** How often permissions have changed, or who it is. */
  #refreshes = 0
  /** What waits for a frame before it. */
  #inbox: { readonly frame: ClientFrame; readonly size: number }[] = []
  #isWorking = false

  /**
   * @param opening - resolves when the store is open
   * @param left - called when it is over
   */
  constructor(opening: Promise<FollowerHost>, link: FollowerLink, settings: Settings, left: () => void) {
    this.#opening = opening
    this.#link = link
    this.#settings = settings
    this.#left = left
  }

  get peer(): Peer | undefined {
    return this.#link.peer
  }

  get round(): number | undefined {
    return this.#isEnded ? undefined : this.#refreshes
  }

  /** Takes what a client says. What is no frame ends the connection. */
  receive(bytes: unknown): void {
    if (this.#isEnded) return
    if (!(bytes instanceof Uint8Array)) return this.fail()
    const from = new FrameReader(bytes)
    const frame = read(bytes, from)
    if (!frame) this.fail()
    // A clock is measured with it, so it does not wait.
    else if (frame.type === 'ping') this.#send({ type: 'pong', asked: frame.asked, time: this.#settings.now() })
    else {
      const size = bytes.length + from.weight
      this.#received++
      this.#bytes += size
      const { writes, bytes: most } = this.#settings.limits
      if (!this.#link.turnOf && (this.#received - this.done > writes || this.#bytes > most)) return this.#fail(ERR_RATE)
      this.#inbox.push({ frame, size })
      if (!this.#isWorking) this.#work()
    }
  }

  /** The turn of the hook within which a node writes, as long as that is not decided. */
  turnOf(node: string): Turn | undefined {
    const turn = this.#link.turnOf?.(node)
    return turn?.isOver ? undefined : turn
  }

  /** There is room again. */
  drained(): void {
    this.#session?.feed.drained()
  }

  /** There is a newer version of the application. */
  announce(version: number): void {
    if (this.#session) this.#send({ type: 'notice', what: 'versionchange', number: version })
  }

  /**
   * Permissions changed, or who it is: what goes on is asked for again, and so is what was said of writes whose turn it is not. If it has
   * somebody else's state now, nothing of that is told, and nothing taken, before it says hello again; but whose it is, whenever that changes.
   * @param prefix - what the names of that begin with. Default: all of it
   */
  refresh(prefix = ''): void {
    this.#refreshes++
    const host = this.#session?.host ?? this.#last
    if (!host || this.#isEnded) return
    const before = this.#identity
    this.#identify(host)
    if (this.#isEnded) return
    if (this.#identity === before) return this.#session?.feed.scopes.refresh(prefix)
    this.#quit()
    this.#last = host
    this.#isRefused = true
  }

  /** Tells whose state it has, where that is not what it was told. */
  #identify(host: FollowerHost): void {
    try {
      const number = identityOf(this.#settings, this.peer, text => host.seal(text))
      if (number === this.#identity) return
      this.#identity = number
      if (number !== undefined) this.#send({ type: 'notice', what: 'identity', number })
    } catch (error) {
      host.failed(error, 'identity')
      this.#fail(ERR_SERVER)
    }
  }

  free(size: number): void {
    this.done++
    this.#bytes -= size
    this.#wake()
  }

  /** Resolves when all is done that came by now, or was announced; undefined: it is. */
  get settled(): Promise<void> | undefined {
    const wait = { count: this.#received, behind: this.#behind }
    if (this.#isOver(wait)) return undefined
    return new Promise(resolve => this.#waits.push({ ...wait, resolve }))
  }

  #isOver({ count, behind }: Omit<Wait, 'resolve'>): boolean {
    if (this.#isEnded) return true
    const isMissing = behind && !this.#isRefused && (this.#session?.feed.isOutstanding(behind) ?? true)
    return this.done >= count && !isMissing
  }

  #wake(): void {
    if (!this.#waits.length) return
    const over = this.#waits.filter(wait => this.#isOver(wait))
    this.#waits = this.#waits.filter(wait => !over.includes(wait))
    for (const { resolve } of over) resolve()
  }

  /** The other end broke the protocol. */
  fail(): void {
    this.#fail(ERR_PROTOCOL)
  }

  owe(writer: Writer, number: number): void {
    this.#session?.feed.owe(writer, number)
  }

  /** The connection is over. */
  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#inbox = []
    this.#wake()
    this.#quit()
    this.#left()
  }

  #work(): void {
    for (let next; (next = this.#inbox.shift()) && !this.#isEnded;) {
      const { frame, size } = next
      const waiting = this.#handle(frame, size)
      if (frame.type !== 'write' || this.#isRefused) this.free(size)
      if (!waiting) continue
      this.#isWorking = true
      const goOn = (): void => {
        this.#isWorking = false
        this.#work()
      }
      // What it waits for only fails when the authority is closed, and then there is nothing to go on with.
      void waiting.then(goOn, () => {})
      return
    }
  }

  #handle(frame: ClientFrame, size: number): Promise<void> | undefined {
    const session = this.#session
    if ('behind' in frame) this.#behind = frame.behind
    if (frame.type === 'hello') return this.#greet(frame)
    // Whoever is told that no data travels may not have known when it sent this.
    if (this.#isRefused) return undefined
    if (!session || (frame.type === 'write' && !isNode(frame.node))) this.fail()
    else if (frame.type === 'write') return this.#write(session, frame, size)
    else if (frame.type === 'nodes') return this.#hear(session, frame.nodes)
    else if (frame.type === 'follow') void session.feed.scopes.follow(frame.follows, frame.behind)
    else if (frame.type === 'unfollow') session.feed.scopes.unfollow(frame.scopes)
    else if (frame.type === 'confirm') {
      const writer = session.feed.confirm(frame.node, frame.number)
      if (writer) session.host.intake.resume(writer)
    }
    return undefined
  }

  /** It shows what others of its storage write. */
  async #hear({ host, feed, seal }: Session, nodes: Hello['nodes']): Promise<void> {
    if (!nodes.every(([node]) => isNode(node))) return this.fail()
    if (nodes.length > host.settings.limits.nodes) return this.#fail(ERR_RATE)
    const numbers = new Map(nodes)
    await host.writers.use([...numbers.keys()], writers => {
      if (this.#isEnded) return
      for (const writer of writers)
        if (writer.belongsTo(seal) && feed.speaksFor(writer)) feed.owe(writer, numbers.get(writer.node))
    })
  }

  async #greet(hello: Hello): Promise<void> {
    const { version, secret, schema, nodes } = hello
    if (version !== VERSION || !isSecret(secret) || !nodes.every(([node]) => isNode(node))) return this.fail()
    const host = await this.#opening
    this.#quit()
    this.#last = undefined
    const { schema: served, limits } = host.settings
    if (nodes.length > limits.nodes) return this.#fail(ERR_RATE)
    const mismatch = adviceFor(schema, served)
    this.#isRefused = mismatch !== undefined
    if (mismatch) return this.#send(mismatch)
    await host.writers.use([...new Map(nodes).keys()], writers => this.#welcome(host, writers, hello))
  }

  #welcome(host: FollowerHost, writers: readonly Writer[], hello: Hello): void {
    if (this.#isEnded) return
    const { limits } = host.settings
    const { secret, asked } = hello
    const feed = new Feed(host, this.#link)
    const seal = host.seal(secret)
    this.#session = { host, feed, seal }
    this.#identity = undefined
    this.#identify(host)
    if (this.#isEnded) return
    this.#send({
      type: 'welcome',
      epoch: host.epoch,
      asked,
      time: this.#settings.now(),
      maxValue: limits.value,
      maxFrame: limits.frame
    })
    feed.greet(
      writers.filter(writer => writer.belongsTo(seal)),
      hello
    )
  }

  #write({ host, feed, seal }: Session, frame: WriteFrame, size: number): Promise<void> | undefined {
    const take = (writer: Writer): void => {
      if (this.#isEnded) return
      const isOwn = writer.belongsTo(seal)
      if (!(isOwn ? feed.speaksFor(writer) : feed.refuse(frame, ERR_NODE))) return this.#fail(ERR_RATE)
      if (isOwn) host.intake.receive(writer, { frame, author: this, size })
      else this.free(size)
    }
    if (feed.isRefused(frame.node)) {
      this.free(size)
      return undefined
    }
    const writer = host.writers.get(frame.node)
    if (!writer) return host.writers.use([frame.node], writers => writers.forEach(take))
    take(writer)
    return undefined
  }

  /** Ends what a welcome began. */
  #quit(): void {
    if (!this.#session) return
    const { host, feed } = this.#session
    this.#session = undefined
    for (const writer of feed.end()) {
      host.intake.resume(writer)
      host.writers.release(writer)
    }
  }

  /** Ends the connection over what the other end did. */
  #fail(failure: Failure): void {
    this.#link.fail(failure)
    this.end()
  }

  #send(frame: ServerFrame): void {
    if (!this.#link.send(encodeFrame(frame))) this.#session?.feed.filled()
  }
}

const read = (bytes: Uint8Array, from: FrameReader): ClientFrame | undefined => {
  try {
    return decodeFrame(bytes, from)
  } catch {
    return undefined
  }
}
