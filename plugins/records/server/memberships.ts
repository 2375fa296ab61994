import type { Peer } from '../../../lib/server/peer.ts'
import { addTo, removeFrom } from '../../../lib/sets.ts'
import { atEndOfTurn } from '../../../lib/tick.ts'
import type { Ticking } from '../../../lib/tick.ts'
import type { Entry } from '../core/query.ts'
import { keyOfQuery } from '../core/query-key.ts'
import type { Change } from './change.ts'
import type { Committer } from './committer.ts'
import type { Maybe } from './maybe.ts'
import { Membership } from './membership.ts'
import type { MayRead } from './membership.ts'
import type { Gate } from './permissions.ts'
import type { Puller } from './puller.ts'
import type { RecordCache } from './record-cache.ts'
import type { Scope } from './scope.ts'
import { isCollection } from './scope.ts'
import type { Settings } from './settings.ts'

export interface MembershipsHost {
  readonly settings: Settings
  readonly committer: Committer
  readonly gate: Gate
  readonly cache: RecordCache
  readonly puller: Puller
}

/** One that several scopes may share. */
interface Shared {
  /** What scopes that may share it have in common; undefined: nothing. */
  readonly key: string | undefined
  readonly membership: Membership
  readonly loaded: Promise<void>
  scopes: number
}

/** The memberships of scopes: one for all who ask the same, unless what they may see is judged for each of them. */
export class Memberships {
  readonly #host: MembershipsHost
  readonly #byName = new Map<string, Set<Membership>>()
  readonly #byKey = new Map<string, Shared>()
  readonly #shared = new Map<Membership, Shared>()
  readonly #turns = new Turns()

  constructor(host: MembershipsHost) {
    this.#host = host
  }

  /** Whether only some of the records of a scope may be told. */
  concerns({ name, isQuery }: Scope, peer: Peer | undefined): boolean {
    return isQuery || this.#host.gate.judgesReading(peer, name)
  }

  /**
   * Gives a scope its membership.
   * @returns resolves when it is right. Rejects when the authority is closed
   */
  async join(scope: Scope, peer: Peer | undefined): Promise<void> {
    const { name, query } = scope
    const key = this.#host.gate.judgesReading(peer, name)
      ? undefined
      : JSON.stringify([name, query && keyOfQuery(query)])
    const shared = (key !== undefined && this.#byKey.get(key)) || this.#make(scope, peer, key)
    shared.scopes++
    scope.membership = shared.membership
    await shared.loaded
  }

  leave({ membership }: Scope): void {
    const shared = membership && this.#shared.get(membership)
    if (!shared || --shared.scopes) return
    membership.stop()
    this.#shared.delete(membership)
    if (shared.key !== undefined) this.#byKey.delete(shared.key)
    removeFrom(this.#byName, membership.name, membership)
  }

  /** Whether a scope may begin: a record that is there must be one that may be seen. */
  allows({ name, membership }: Scope, peer: Peer | undefined): Maybe<boolean> {
    if (!membership?.mayRead || !peer || isCollection(name) || membership.has(name)) return true
    return !membership.hasDenied && this.#host.gate.allowsReading(peer, name, undefined)
  }

  /**
   * Has judged once more what may be seen of a scope, as far as ids begin with some prefixes.
   * @returns whether it may be followed still. Rejects when the authority is closed
   */
  async renew({ name, membership }: Scope, peer: Peer | undefined, prefixes: readonly string[]): Promise<boolean> {
    if (!membership?.mayRead || !peer) return true
    const { puller, settings, gate } = this.#host
    const count = await membership.renew(puller.views(name, membership.isQuery ? settings : undefined, prefixes))
    if (isCollection(name)) return true
    return count ? membership.has(name) : gate.allowsReading(peer, name, undefined)
  }

  /** Has what was committed taken in by those that it is about. To be called while nothing else changes those records. */
  update(seq: number, changes: readonly Change[]): void {
    if (!this.#byName.size) return
    const updates = new Map<Membership, Entry[]>()
    for (const { record: id, collection } of changes) {
      const memberships = [...(this.#byName.get(id) ?? []), ...(this.#byName.get(collection) ?? [])]
      if (!memberships.length) continue
      const [all, visible] = this.#entriesOf(id)
      for (const membership of memberships) {
        const entry = membership.isQuery ? visible : all
        const entries = updates.get(membership)
        if (entries) entries.push(entry)
        else updates.set(membership, [entry])
      }
    }
    for (const [membership, entries] of updates) membership.update(seq, entries)
  }

  /** A record with all that is in it, and as it is seen: what is deleted may have something in it that is not. */
  #entriesOf(id: string): [all: Entry, visible: Entry] {
    const record = this.#host.cache.get(id)
    const value = record?.state.view()
    const isVisible = record && this.#host.settings.isVisible(id, record.state)
    return [
      { id, value },
      { id, value: isVisible ? value : undefined }
    ]
  }

  #make({ name, query }: Scope, peer: Peer | undefined, key: string | undefined): Shared {
    const { gate, committer, puller, settings } = this.#host
    const mayRead: MayRead | undefined = gate.judgesReading(peer, name)
      ? (record, value) => gate.allowsReading(peer, record, value)
      : undefined
    const membership = new Membership(name, isCollection(name) ? query : undefined, mayRead, {
      seq: () => committer.seq,
      pause: () => this.#turns.next()
    })
    addTo(this.#byName, name, membership)
    const loaded = membership.load(puller.views(name, membership.isQuery ? settings : undefined))
    const shared = { key, membership, loaded, scopes: 0 }
    this.#shared.set(membership, shared)
    if (key !== undefined) this.#byKey.set(key, shared)
    return shared
  }
}

/** Has pieces of work done one after the other, each in a turn of its own: so that much of it keeps nobody else waiting. */
class Turns implements Ticking {
  readonly #waiting: (() => void)[] = []

  next(): Promise<void> {
    return new Promise(resolve => {
      if (this.#waiting.push(resolve) === 1) atEndOfTurn(this)
    })
  }

  tick(): void {
    this.#waiting.shift()?.()
    if (this.#waiting.length) atEndOfTurn(this)
  }
}
