import { COMPARES, DIFFERS } from '../core/frame.ts'
import { collectionOf } from '../core/path.ts'
import { coalesce, paginate } from './change.ts'
import type { Change } from './change.ts'
import type { Committer } from './committer.ts'
import type { Tally } from './counters.ts'
import type { Feed } from './feed.ts'
import type { Moves } from './journal.ts'
import { all } from './maybe.ts'
import type { Gate } from './permissions.ts'
import { viewOf } from './puller.ts'
import type { Puller, Want } from './puller.ts'
import type { Recent } from './recent.ts'
import { ANEW, isCollection } from './scope.ts'
import type { Scope } from './scope.ts'
import type { Left } from './leaving.ts'
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
  /** Whether a page was sent that others belong to. */
  #isOpen = false
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
  /** Records that are in no scope any more. */
  readonly #gone = new Set<string>()
  /** Those of them that may not be seen any more. */
  readonly #denied = new Set<string>()
  /** Whether a record, as it was read, is known to be one that may be seen. */
  #isJudged: (change: Change) => boolean = () => false
  /** Collections of whose records the client drops what it is not told. */
  readonly #swept = new Set<string>()

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
    const { holdings } = scopes
    let asked
    do {
      asked = recent.reaches(sent) ? sent : committer.seq
      await scopes.settled(asked)
    } while (!recent.reaches(asked))
    // What is told is found out in one step. Memberships go on, and what moves from here on is told next time.
    const leaving = this.#plan(sent, asked)
    const { isPartial } = holdings
    const now = holdings.reach(committer.seq)
    const changed = isPartial ? this.#changed(asked, now) : undefined
    this.#noteJudged()
    holdings.advance(committer.seq)
    await this.#release(leaving, asked)
    if (this.#wants.length) await this.#tell(puller.pull(this.#wants), asked)
    if (this.#checks.length) await this.#check()
    if (this.#wholes.size) await this.#tell(this.#admitted(puller.records([...this.#wholes])), asked)
    // What the store has may be a little ahead of what is known to be committed.
    if (this.#read > committer.seq) await committer.reached(this.#read)
    const seq = isPartial ? now : committer.seq
    const missed = changed ?? this.#changed(asked, seq)
    await this.#finish(missed ?? [], missed ? seq : asked)
    return missed ? seq : asked
  }

  /**
   * Finds out what is to be told of which scope.
   * @param asked - the commit up to which the rest is read; it is `sent` where what was committed since is remembered
   * @returns what is taken from the client, as it does not follow it any more
   */
  #plan(sent: number, asked: number): readonly Left[] {
    const { scopes } = this.#feed
    const { holdings } = scopes
    const isLate = asked > sent
    const moves = new Map<Scope, Moves>()
    const joined = scopes.joined
    for (const scope of isLate ? [] : joined) {
      const own = scope.membership?.movesSince(scope.told)
      if (own) moves.set(scope, own)
    }
    // Where of one it is not known what its client has, all are told anew: what it may keep is what they bring.
    const isLost = joined.some(scope => scope.membership && !moves.has(scope))
    if (isLost) moves.clear()
    for (const scope of joined) if (isLate || (isLost && scope.membership)) this.#renew(scope, sent, isLate)
    const begun = scopes.begin(asked)
    for (const { entered, left, denied } of moves.values()) {
      for (const id of entered) if (!holdings.had(moves, id, collectionOf(id))) this.#wholes.add(id)
      for (const id of left) if (!holdings.withheld.has(id)) this.#take(id, denied.has(id))
    }
    for (const id of this.#gone) scopes.leaving.disturb(collectionOf(id))
    for (const id of holdings.takeWithheld()) this.#wholes.add(id)
    for (const scope of begun) this.#begin(scope)
    const leaving = scopes.takeLeaving()
    for (const { ids, how } of leaving) if (how !== 'left') for (const id of ids ?? []) this.#take(id, how === 'denied')
    for (const id of this.#gone) if (holdings.has(id, collectionOf(id))) this.#gone.delete(id)
    // What leaves a scope that is no query must not be seen, unless another scope that has it knows better: that is found out anew.
    for (const [{ isQuery }, { left }] of moves)
      for (const id of isQuery ? [] : left) if (holdings.has(id, collectionOf(id))) this.#wholes.add(id)
    for (const name of this.#swept) {
      scopes.leaving.disturb(name)
      this.#name(name)
    }
    return leaving.filter(({ how }) => how === 'left')
  }

  /** Of what is to be told nobody is asked once more, where that was done as scopes began, it has not changed since, nor have permissions. */
  #noteJudged(): void {
    const { scopes } = this.#feed
    const { refreshes } = scopes
    const { seq } = this.#host.committer
    const judged = new Set([...this.#wholes].filter(id => scopes.holdings.isJudged(id, collectionOf(id))))
    this.#isJudged = ({ record, version }) => judged.has(record) && version <= seq && scopes.refreshes === refreshes
  }

  /** A record is in a scope no more. */
  #take(id: string, isDenied: boolean): void {
    this.#gone.add(id)
    if (isDenied) this.#denied.add(id)
  }

  /** A scope of which it is not known what was told, or what has changed since. */
  #renew(scope: Scope, sent: number, isLate: boolean): void {
    const { name, membership, number } = scope
    const isLost = isLate && sent < this.#host.floor
    if (isLost || membership) this.#feed.scopes.tell(number, 'reset')
    if (membership && isCollection(name)) this.#swept.add(name)
    if (membership) for (const id of membership.ids) this.#wholes.add(id)
    else if (isLate) this.#wants.push({ name, since: isLost ? 0 : sent })
  }

  /** A scope that begins: says how, and what is to be read for it. */
  #begin(scope: Scope): void {
    const { epoch, floor, committer, tally } = this.#host
    const { scopes } = this.#feed
    const { name, since, membership, number, digest, isQuery } = scope
    const isKnown = scope.epoch === epoch && since > 0 && since >= floor && since <= committer.seq
    // Who may see what may have changed meanwhile, and what was in a part of a list nobody knows.
    const isDelta = isKnown && (!membership || (membership.isSteady && !scopes.leaving.isDisturbed(scope)))
    scopes.tell(number, isDelta ? 'delta' : isKnown || since === ANEW ? 'anew' : 'reset')
    const isSwept = membership && isCollection(name) && (!isQuery || scope.mayBeOld)
    if (isSwept && !isDelta) this.#swept.add(name)
    if (isDelta && digest === COMPARES) scopes.compared.add(scope)
    else if (digest === DIFFERS) tally.diverged++
    if (!membership) this.#wants.push({ name, since: isDelta ? since : 0 })
    else if (isDelta) this.#checks.push({ name, since })
    else for (const id of membership.ids) this.#wholes.add(id)
  }

  /** Names what the client is to keep of a collection, as other scopes have it. */
  #name(collection: string): void {
    const named = new Set<string>()
    for (const { name, membership } of this.#feed.scopes.joined) {
      if (collectionOf(name) !== collection) continue
      if (membership) for (const id of membership.ids) named.add(id)
      else if (!isCollection(name)) named.add(name)
    }
    for (const id of this.#wholes) named.delete(id)
    const version = this.#host.committer.seq
    const names = [...named].map(record => ({ record, collection, registers: [], version, whole: false }))
    this.#page = [...this.#page, ...names]
  }

  /** What was committed behind a number, up to another one, of what is in the scopes; undefined: not all of it is remembered. */
  #changed(from: number, to: number): readonly Change[] | undefined {
    const { holdings } = this.#feed.scopes
    return this.#host.recent.between(from, to)?.filter(({ record, collection }) => holdings.has(record, collection))
  }

  /** Takes from the client what of scopes that it left no other one has. */
  async #release(leaving: readonly Left[], seq: number): Promise<void> {
    const { scopes } = this.#feed
    const { holdings } = scopes
    const collections = scopes.joined.filter(({ name }) => isCollection(name))
    const queried = new Set(collections.filter(({ isQuery }) => isQuery).map(({ name }) => name))
    const followed = new Set(collections.filter(({ isQuery }) => !isQuery).map(({ name }) => name))
    // What queries have the client does not know, so it waits for this, also where nothing is left.
    const awaited = leaving.flatMap(({ name, numbers }) => (queried.has(collectionOf(name)) ? [...numbers] : []))
    const left: (readonly [scopes: Left['numbers'], id: string])[] = []
    const send = async (also: readonly number[] = []): Promise<void> => {
      const page = left.splice(0, EVICTIONS)
      const told = new Set(page.map(([scopes]) => scopes))
      const numbers = new Set([...also, ...[...told].flatMap(scopes => [...scopes])])
      const news = [...numbers].map(scope => ({ scope, outcome: 'left' }))
      if (news.length) await this.#send([], { seq, more: true, scopes: news, evicted: page.map(([, id]) => id) })
    }
    for (const { name, numbers, ids } of leaving) {
      scopes.leaving.disturb(collectionOf(name))
      for await (const piece of ids ? [ids] : this.#host.puller.ids(name)) {
        for (const id of piece) {
          if (holdings.has(id, collectionOf(id))) continue
          // Who follows all of a collection keeps what is in it, unless it is taken away.
          if (followed.has(collectionOf(id))) this.#gone.add(id)
          else left.push([numbers, id])
        }
        while (left.length > EVICTIONS) await send()
      }
    }
    await send(awaited)
  }

  /** What changed may be in a scope since, or not any more. */
  async #check(): Promise<void> {
    for await (const changes of this.#host.puller.pull(this.#checks)) {
      for (const { record, collection } of changes) {
        if (this.#feed.scopes.holdings.has(record, collection)) this.#wholes.add(record)
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
          if (!gate.judgesReading(peer, change.record) || this.#isJudged(change)) return true
          const view = viewOf(change).value
          return view === undefined || gate.allowsReading(peer, change.record, view)
        })
      )
      for (const [at, { record }] of changes.entries()) if (!admitted[at]) this.#withhold(record)
      yield changes.filter((_change, at) => admitted[at])
    }
  }

  /** It must not be seen any more, though a scope still has it. */
  #withhold(record: string): void {
    this.#feed.scopes.holdings.withheld.add(record)
    this.#take(record, true)
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
      for (const page of pages) await this.#send(page, { seq, more: true })
    }
  }

  async #finish(missed: readonly Change[], seq: number): Promise<void> {
    const { scopes, owes, told } = this.#feed
    const { withheld } = scopes.holdings
    const isMissed = ({ record, version }: Change): boolean =>
      version > (this.#versions.get(record) ?? 0) && !withheld.has(record)
    const rest = coalesce(missed.filter(isMissed))
    const gone = [...this.#gone]
    const evicted = gone.filter(id => !this.#denied.has(id))
    const denied = gone.filter(id => this.#denied.has(id))
    const pages = paginate([...this.#page, ...rest], this.#host.settings.limits.frame)
    const isNews = pages.some(page => page.length) || gone.length || scopes.hasNews || owes || this.#isOpen
    // Where what was committed is none of its business, there is nothing to tell, but that the cursor is good.
    if (!isNews && told >= this.#host.floor) return
    while (evicted.length > EVICTIONS) await this.#send([], { seq, more: true, evicted: evicted.splice(0, EVICTIONS) })
    while (denied.length > EVICTIONS) await this.#send([], { seq, more: true, denied: denied.splice(0, EVICTIONS) })
    for (const [at, page] of pages.entries()) {
      await this.#send(page, { seq, more: at < pages.length - 1, ...(at ? {} : { evicted, denied }) })
    }
  }

  async #send(page: readonly Change[], rest: Parameters<Feed['send']>[1]): Promise<void> {
    await this.#feed.room()
    this.#isOpen = rest.more
    // Whoever reads slowly gets nothing of what it may not follow any more by then, or does not, and no record that it may not see.
    const { holdings } = this.#feed.scopes
    const evicted: string[] = []
    const denied: string[] = []
    const told = page.filter(({ record, collection }) => {
      if (!holdings.concerns(record, collection)) return false
      if (holdings.has(record, collection)) return true
      holdings.withheld.add(record)
      ;(holdings.isDenied(record, collection) ? denied : evicted).push(record)
      return false
    })
    const gone = { evicted: [...(rest.evicted ?? []), ...evicted], denied: [...(rest.denied ?? []), ...denied] }
    this.#feed.send(told, { ...rest, ...gone })
  }
}
