import type { Entry, Query } from '../core/query.ts'
import { Journal } from './journal.ts'
import type { Moves } from './journal.ts'
import { Matches } from './matches.ts'
import { after, all } from './maybe.ts'
import type { Maybe } from './maybe.ts'

/** Whether somebody may see a record as it is. */
export type MayRead = (record: string, value: Entry['value']) => Maybe<boolean>

/** A record as it is for somebody. */
interface Judged extends Entry {
  /** It must not be seen, and so has no view. */
  readonly isDenied?: boolean
}

/** What is to be taken over, and up to which commit it is. */
interface Job {
  readonly seq: number
  readonly records: readonly Entry[]
}

/** What is to be judged once more, in pieces. */
interface Renewal {
  readonly pieces: AsyncIterator<readonly Entry[]>
  count: number
  readonly done: (count: number) => void
  readonly failed: (error: unknown) => void
}

/** Whoever is told what is in it. */
export interface MembershipListener {
  /** Something comes or goes without a commit: it is to note up to where it was told everything. */
  pause(): void
  /** There is something to tell. */
  stir(): void
  /** It has caught up with all that it had to wait for. */
  caughtUp(): void
}

export interface MembershipHost {
  /** The last commit. */
  seq(): number
  /** Lets others have their turn. */
  pause(): Promise<void>
}

/**
 * Which records of a collection belong to a query, or may be seen by somebody. It follows each commit, at once where nothing
 * has to be waited for.
 */
export class Membership {
  readonly name: string
  /** Undefined: everybody may see all of it. */
  readonly mayRead: MayRead | undefined
  /** The commit up to which it is right. */
  #seq: number
  readonly #query: Query | undefined
  readonly #matches: Matches
  #journal: Journal
  readonly #host: MembershipHost
  readonly #jobs: Job[] = []
  #renewal: Renewal | undefined
  #isWorking = false
  #isStopped = false
  #waits: (() => void)[] = []
  /** Whether there was a record that must not be seen. */
  hasDenied = false
  /** Told when it has caught up with something that had to be waited for, and of what comes and goes without a commit. */
  readonly listeners = new Set<MembershipListener>()
  /** Called when a record comes into it, for who waits for that. */
  entered: (() => void) | undefined
  /** Called when there is a record that must not be seen, and it was not in it before. */
  hidden: (() => void) | undefined

  constructor(name: string, query: Query | undefined, mayRead: MayRead | undefined, host: MembershipHost) {
    this.name = name
    this.mayRead = mayRead
    this.#host = host
    const seq = (this.#seq = host.seq())
    this.#query = query
    this.#matches = new Matches(query ?? {})
    this.#journal = new Journal(seq)
  }

  /** Whether it is right as far as it was told. */
  get isCurrent(): boolean {
    return !this.#isWorking
  }

  /** Up to which commit it is right, of those up to one. */
  reach(seq: number): number {
    return this.#isWorking ? Math.min(seq, this.#seq) : seq
  }

  /** Whether what is in it only depends on the record itself. */
  get isSteady(): boolean {
    return !this.mayRead && this.#query?.limit === undefined
  }

  /** Whether it asks for some of the records that exist, and not for all. */
  get isQuery(): boolean {
    return this.#query !== undefined
  }

  has(record: string): boolean {
    return this.#matches.has(record)
  }

  /** How many records are remembered for it. */
  get size(): number {
    return this.#matches.size
  }

  get ids(): Iterable<string> {
    return this.#matches.ids
  }

  /** What came and went with a commit that was just told. */
  movesOf(seq: number): Moves {
    return this.#journal.of(seq)
  }

  /** Resolves when it has gone on, where it has to wait for something. */
  get progress(): Promise<void> | undefined {
    if (!this.#isWorking) return undefined
    return new Promise(resolve => this.#waits.push(resolve))
  }

  /** The place in what came and went that is behind all that did up to a commit. */
  placeAt(seq: number): number {
    return this.#journal.placeAt(seq)
  }

  /** What came and went since a place; undefined: that is not known any more. */
  movesSince(place: number): Moves | undefined {
    return this.#journal.since(place)
  }

  /** What was in it at a place; undefined: that is not known any more. */
  idsAt(place: number): readonly string[] | undefined {
    const moves = this.movesSince(place)
    return moves && [...[...this.ids].filter(id => !moves.entered.has(id)), ...moves.left]
  }

  /**
   * Takes in what there is at first. Commits that come meanwhile wait.
   * @throws what reading rejects with
   */
  async load(pieces: AsyncIterable<readonly Entry[]>): Promise<void> {
    this.#isWorking = true
    // Whoever asks for many things, and takes them back in one turn, has nothing read.
    await Promise.resolve()
    if (this.#isStopped) return
    let isFirst = true
    for await (const records of pieces) {
      if (!isFirst) await this.#host.pause()
      if (this.#isStopped) return
      isFirst = false
      this.#matches.load(await this.#judge(records))
    }
    this.#matches.arrange()
    // What is committed while these are judged waits until it is ready: who writes all the time keeps nobody from following.
    await this.#work()
    // In one step: what is committed from here on has moves of its own.
    this.#advance()
    this.#journal = new Journal(this.#seq)
    void this.#run()
  }

  /**
   * Has judged once more who may see records, as they are by then. What is committed meanwhile is taken in between. Not while that is
   * done already.
   * @returns how many were judged; of one that nobody needs any more, not all
   * @throws what reading rejects with
   */
  renew(pieces: AsyncIterable<readonly Entry[]>): Promise<number> {
    return new Promise((done, failed) => {
      this.#renewal = { pieces: pieces[Symbol.asyncIterator](), count: 0, done, failed }
      if (!this.#isWorking) void this.#run()
    })
  }

  /** Nobody needs it any more. */
  stop(): void {
    this.#isStopped = true
    // Who waits for it does so no longer, also where it is not told in time who may see what.
    this.#renewal?.done(this.#renewal.count)
    this.#wake()
  }

  /** Records were changed by a commit. */
  update(seq: number, changed: readonly Entry[]): void {
    // Whoever may see a record may see that it is gone; no query asks for such a one.
    const records = this.#query ? changed : changed.filter(({ value }) => value !== undefined)
    if (this.#isWorking) {
      this.#jobs.push({ seq, records })
      return
    }
    const judged = this.#judge(records)
    if (!(judged instanceof Promise)) return this.#apply(seq, judged)
    // With all that was committed before it is right, also where it was not concerned.
    this.#seq = seq - 1
    void this.#catchUp(seq, judged)
  }

  async #catchUp(seq: number, judged: Promise<readonly Judged[]>): Promise<void> {
    this.#isWorking = true
    this.#apply(seq, await judged)
    await this.#run()
  }

  /** Does what there is to do: by turns, so that neither keeps the other from being done. */
  async #run(): Promise<void> {
    this.#isWorking = true
    while (!this.#isStopped && (this.#renewal || this.#jobs.length)) {
      if (this.#renewal) await this.#renewPiece(this.#renewal)
      await this.#work()
    }
    this.#rest()
    for (const listener of this.listeners) listener.caughtUp()
  }

  async #renewPiece(renewal: Renewal): Promise<void> {
    this.#advance()
    const { pieces, count, done, failed } = renewal
    try {
      await this.#host.pause()
      if (this.#isStopped) return
      const next = await pieces.next()
      if (next.done) {
        this.#renewal = undefined
        return done(count)
      }
      const judged = await this.#judge(next.value)
      renewal.count += next.value.length
      if (!this.#isStopped) this.#move(this.#seq, judged, true)
    } catch (error) {
      this.#renewal = undefined
      failed(error)
    }
  }

  /** With all that was committed before what waits it is right, also where it was not concerned. */
  #advance(): void {
    this.#seq = this.#jobs[0] ? this.#jobs[0].seq - 1 : this.#host.seq()
  }

  /** Takes over what waits. */
  async #work(): Promise<void> {
    if (!this.#jobs.length) return
    const jobs = this.#jobs.splice(0)
    // The last view of each counts.
    const records = new Map(jobs.flatMap(({ records }) => records.map(record => [record.id, record])))
    const judged = await this.#judge([...records.values()])
    this.#apply(jobs.at(-1)?.seq ?? this.#seq, judged)
  }

  #apply(seq: number, records: readonly Judged[]): void {
    this.#seq = seq
    this.#move(seq, records)
  }

  /** @param isAlone - whether it is told by itself, and not with a commit */
  #move(seq: number, records: readonly Judged[], isAlone = false): void {
    const { entered, left } = this.#matches.update(records)
    const denied = records.flatMap(({ id, isDenied }) => (isDenied && left.has(id) ? [id] : []))
    const moves = { entered, left, denied: new Set(denied) }
    const told = isAlone && moves.entered.size + moves.left.size ? this.listeners : []
    for (const listener of told) listener.pause()
    this.#journal.add(seq, moves)
    for (const listener of told) listener.stir()
    if (moves.entered.size) this.entered?.()
    if (records.some(({ id, isDenied }) => isDenied && !left.has(id))) this.hidden?.()
    this.#wake()
  }

  /** Nothing waits any more. */
  #rest(): void {
    this.#isWorking = false
    this.#wake()
  }

  #wake(): void {
    const waits = this.#waits
    this.#waits = []
    for (const resolve of waits) resolve()
  }

  /** Without the views that must not be seen. */
  #judge(records: readonly Entry[]): Maybe<readonly Judged[]> {
    const { mayRead } = this
    if (!mayRead) return records
    // Nobody is asked about what is not in it anyway. What leaves it may also not be seen any more.
    const concerns = ({ id, value }: Entry): boolean =>
      this.#matches.fits(value) || (value !== undefined && this.#matches.has(id))
    const answers = all(records.map(record => (concerns(record) ? mayRead(record.id, record.value) : undefined)))
    return after(answers, answers => {
      this.hasDenied ||= answers.includes(false)
      return records.map((record, at) => (answers[at] === false ? denied(record) : record))
    })
  }
}

const denied = ({ id }: Entry): Judged => ({ id, value: undefined, isDenied: true })
