import { COMPARES, DIFFERS } from '../core/frame.ts'
import { collectionOf } from '../core/path.ts'
import { coalesce, paginate } from './change.ts'
import type { Change } from './change.ts'
import type { Committer } from './committer.ts'
import type { Tally } from './counters.ts'
import type { Feed } from './feed.ts'
import { all } from './maybe.ts'
import type { Gate } from './permissions.ts'
import { viewOf } from './puller.ts'
import type { Puller, Want } from './puller.ts'
import type { Recent } from './recent.ts'
import { ANEW } from './scope.ts'
import type { Scope } from './scope.ts'
import type { Settings } from './settings.ts'

export interface CatchUpHost {
  readonly epoch: string
  /** Of commits up to this one tombstones may be gone. */
  readonly floor: number
  readonly settings: Settings
  readonly gate: Gate
  readonly committer: Committer
  readonly recent: Recent
  readonly puller: Puller
  readonly tally: Tally
}

/** How many evictions go into a page. */
const EVICTIONS = 1_000

/** Tells a follower what it has missed, and what is in scopes that begin: one delta, on as many pages as it needs. */
export class CatchUp {
  readonly #host: CatchUpHost
  readonly #feed: Feed
  /** What does not fill a page goes with what follows. */
  #page: readonly Change[] = []
  /** The last commit that something was read of. */
  #read = 0
  /** What is read of scopes that have all of their name. */
  readonly #wants: Want[] = []
  /** What has changed in scopes that have only some: what of it is in them is told as a whole. */
  readonly #checks: Want[] = []
  /** Records that are told as a whole. */
  readonly #wholes = new Set<string>()
  /** The versions of records that were told as a whole. */
  readonly #versions = new Map<string, number>()
  /** Records that left a scope. */
  readonly #gone = new Set<string>()

  constructor(host: CatchUpHost, feed: Feed) {
    this.#host = host
    this.#feed = feed
  }

  /**
   * @param sent - the commit up to which the follower was told everything
   * @returns the commit up to which it is now
   */
  async run(sent: number): Promise<number> {
    const { committer, recent, puller } = this.#host
    const { scopes } = this.#feed
    await scopes.settled()
    const begun = scopes.begin()
    const isLate = !recent.reaches(sent)
    const asked = isLate ? committer.seq : sent
    // What moves from here on is told next time.
    const now = scopes.reach(committer.seq)
    for (const scope of begun) this.#begin(scope)
    for (const scope of scopes.joined) if (!begun.includes(scope)) this.#goOn(scope, sent, isLate, now)
    if (this.#wants.length) await this.#tell(puller.pull(this.#wants), asked)
    if (this.#checks.length) await this.#check()
    if (this.#wholes.size) await this.#tell(this.#admitted(puller.records([...this.#wholes])), asked)
    // What the store has may be a little ahead of what is known to be committed.
    if (this.#read > committer.seq) await committer.reached(this.#read)
    const seq = scopes.partial.size ? now : committer.seq
    const missed = seq > asked ? recent.between(asked, seq) : []
    await this.#finish(missed ?? [], missed ? seq : asked)
    return missed ? seq : asked
  }

  /** A scope that begins: says how, and what is to be read for it. */
  #begin(scope: Scope): void {
    const { epoch, floor, committer, tally } = this.#host
    const { name, since, membership, number, digest } = scope
    const isKnown = scope.epoch === epoch && since > 0 && since >= floor && since <= committer.seq
    // Who may see what may have changed meanwhile, and what was in a part of a list nobody knows.
    const isDelta = isKnown && (!membership || membership.isSteady)
    this.#feed.scopes.tell(number, isDelta ? 'delta' : isKnown || since === ANEW ? 'anew' : 'reset')
    if (isDelta && digest === COMPARES) this.#feed.scopes.compared.add(scope)
    else if (digest === DIFFERS) tally.diverged++
    if (!membership) this.#wants.push({ name, since: isDelta ? since : 0 })
    else if (isDelta) this.#checks.push({ name, since })
    else for (const id of membership.ids) this.#wholes.add(id)
  }

  /** A scope that the follower was told of before. */
  #goOn({ name, membership, number }: Scope, sent: number, isLate: boolean, now: number): void {
    const isLost = isLate && sent < this.#host.floor
    const moves = isLate ? undefined : membership?.movesSince(sent, now)
    if (isLost || (membership && !moves)) this.#feed.scopes.tell(number, 'reset')
    if (!membership) {
      if (isLate) this.#wants.push({ name, since: isLost ? 0 : sent })
      return
    }
    for (const id of moves?.entered ?? membership.ids) this.#wholes.add(id)
    for (const id of moves?.left ?? []) this.#gone.add(id)
  }

  /** What changed may be in a scope since, or not any more. */
  async #check(): Promise<void> {
    for await (const changes of this.#host.puller.pull(this.#checks)) {
      for (const { record, collection } of changes) {
        if (this.#feed.scopes.has(record, collection)) this.#wholes.add(record)
        else this.#gone.add(record)
      }
    }
  }

  /** Without what must not be seen any more, as it was read. */
  async *#admitted(pieces: AsyncIterable<readonly Change[]>): AsyncGenerator<readonly Change[], void, undefined> {
    const { gate } = this.#host
    const { peer } = this.#feed.link
    for await (const changes of pieces) {
      const admitted = await all(
        changes.map(change => {
          if (!gate.judgesReading(peer, change.record)) return true
          const view = viewOf(change).value
          return view === undefined || gate.allowsReading(peer, change.record, view)
        })
      )
      yield changes.filter((_change, at) => admitted[at])
    }
  }

  /** Tells full pages as they come. */
  async #tell(pieces: AsyncIterable<readonly Change[]>, seq: number): Promise<void> {
    for await (const changes of pieces) {
      for (const { record, version, whole } of changes) {
        this.#read = Math.max(this.#read, version)
        if (whole) this.#versions.set(record, version)
      }
      const pages = paginate([...this.#page, ...changes], this.#host.settings.limits.frame)
      this.#page = pages.pop() ?? []
      for (const page of pages) await this.#send(page, seq, true)
    }
  }

  async #finish(missed: readonly Change[], seq: number): Promise<void> {
    const { scopes, owes, told } = this.#feed
    const later = scopes.movesSince(seq)
    const isMissed = ({ record, collection, version }: Change): boolean =>
      version > (this.#versions.get(record) ?? 0) && scopes.had(later, record, collection)
    const rest = coalesce(missed.filter(isMissed))
    const evicted = [...this.#gone].filter(id => !scopes.has(id, collectionOf(id)))
    const pages = paginate([...this.#page, ...rest], this.#host.settings.limits.frame)
    const isNews = pages.some(page => page.length) || evicted.length || scopes.hasNews || owes
    // Where what was committed is none of its business, there is nothing to tell, but that the cursor is good.
    if (!isNews && told >= this.#host.floor) return
    while (evicted.length > EVICTIONS) await this.#send([], seq, true, evicted.splice(0, EVICTIONS))
    for (const [at, page] of pages.entries()) {
      await this.#send(page, seq, at < pages.length - 1, at ? [] : evicted)
    }
  }

  async #send(page: readonly Change[], seq: number, more: boolean, evicted: readonly string[] = []): Promise<void> {
    await this.#feed.room()
    this.#feed.send(page, { seq, more, evicted })
  }
}
