import { AnywireError } from '../../../lib/errors.ts'
import { ERR_TIMEOUT } from '../../../lib/failures.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import type { Value } from '../../../lib/store.ts'
import type { Permissions } from '../../permissions/index.ts'
import type { RecordState } from '../core/record-state.ts'
import { DELETED, OBJECT } from '../core/register.ts'
import type { Write } from '../core/register.ts'
import { after, all, maybe } from './maybe.ts'
import type { Maybe } from './maybe.ts'
import type { Permit, PermitQuestion, Verb, Wish } from './options.ts'
import type { Patience } from './patience.ts'
import type { RecordsReader } from './reader.ts'
import type { CachedRecord } from './record-cache.ts'
import type { Settings } from './settings.ts'
import { merged } from './trials.ts'

/** One thing that somebody wants to do. */
type Thing = Wish<Value> & { readonly path: string }

export interface GateHost {
  readonly settings: Settings
  readonly patience: Patience
  /** What is committed. */
  readonly committed: RecordsReader
  readonly permissions: Pick<Permissions, 'check'> | undefined
  failed(error: unknown, stage: string, peer?: Peer): void
}

/** Asks the application who may do what. Without rules all is allowed; the process itself is never asked about. */
export class Gate {
  readonly #host: GateHost

  constructor(host: GateHost) {
    this.#host = host
  }

  /** Whether what a peer may read is judged record by record: of a record, or of those of a collection. */
  judgesReading(peer: Peer | undefined, name: string): peer is Peer {
    return peer !== undefined && this.#permitOf(name) !== undefined
  }

  /** Whether a peer may follow a record or collection. What is in a collection is another question, where records are judged. */
  allowsFollowing(peer: Peer | undefined, name: string): Maybe<boolean> {
    if (!peer) return true
    const { committed } = this.#host
    const thing: Thing = { verb: 'read', path: '', value: undefined, previous: undefined, current: undefined }
    const answer = name.endsWith('/') ? this.#allows(peer, name, thing, committed) : this.#isRuled(peer, name, thing)
    return this.#inTime(answer, peer, name)
  }

  /** Whether a peer that may follow a record or its collection may see it as it is. */
  allowsReading(peer: Peer, record: string, value: Value | undefined): Maybe<boolean> {
    const thing: Thing = { verb: 'read', path: '', value, previous: undefined, current: value }
    return this.#inTime(this.#isPermitted(peer, record, thing, this.#host.committed), peer, record)
  }

  /**
   * What a peer may not do of some writes to a record, as it is told; undefined: it may do all of it.
   * @param records - as they will be
   */
  refusesWriting(
    peer: Peer | undefined,
    record: CachedRecord,
    exists: boolean,
    writes: readonly Write[],
    records: RecordsReader
  ): Maybe<string | undefined> {
    const { id, state } = record
    if (!peer || !(this.#host.permissions || this.#permitOf(id))) return undefined
    const things = wishesOf(state, exists, writes)
    return after(all(things.map(thing => this.#allows(peer, id, thing, records))), answers => {
      const refused = things[answers.indexOf(false)]
      return refused && sayOf(refused.verb, id, refused.path)
    })
  }

  /** An answer about reading; it is no, where it does not come. Of writing, intake.ts takes care. */
  #inTime(answer: Maybe<boolean>, peer: Peer, name: string): Maybe<boolean> {
    const { patience, settings } = this.#host
    if (!(answer instanceof Promise)) return answer
    return patience.within(answer, settings.timeout).then(allowed => {
      if (allowed === undefined && !patience.isClosed)
        this.#failed(new AnywireError(ERR_TIMEOUT, `permit, of reading '${name}'`), peer)
      return allowed ?? false
    })
  }

  #allows(peer: Peer, record: string, thing: Thing, records: RecordsReader): Maybe<boolean> {
    return after(
      this.#isRuled(peer, record, thing),
      allowed => allowed && this.#isPermitted(peer, record, thing, records)
    )
  }

  /** What the rules of the permissions plugin say. */
  #isRuled(peer: Peer, record: string, { verb, value, previous }: Thing): Maybe<boolean> {
    const { permissions } = this.#host
    return permissions?.check({ peer, plugin: 'records', verb, name: nameOf(record), value, previous }) ?? true
  }

  /** What `permit` says. */
  #isPermitted(peer: Peer, record: string, thing: Thing, records: RecordsReader): Maybe<boolean> {
    const permit = this.#permitOf(record)
    if (!permit) return true
    const fail = (error: unknown): false => {
      this.#failed(error, peer)
      return false
    }
    const { verb, path, value, previous, current } = thing
    // Written out, as spreading takes several times as long. It is what `thing` is.
    const question = { peer, context: peer.context, record, records, verb, path, value, previous, current }
    try {
      const answer = maybe(permit(question as PermitQuestion))
      return answer instanceof Promise ? answer.then(isTrue, fail) : isTrue(answer)
    } catch (error) {
      return fail(error)
    }
  }

  #permitOf(name: string): Permit | undefined {
    return this.#host.settings.of(name).permit
  }

  #failed(error: unknown, peer: Peer): void {
    this.#host.failed(error, 'permit', peer)
  }
}

/** What somebody may not do. */
export const sayOf = (verb: Verb, record: string, path = ''): string =>
  `'${verb}' of '${record}'${path && `, '${path}'`}`

/** What is written in JavaScript may return anything. */
const isTrue = (answer: unknown): boolean => answer === true

/** The name of a record or collection in rules: its parts have dots between them, and none within. */
const nameOf = (record: string): string => {
  const name = record.replaceAll('%', '%25').replaceAll('.', '%2E').replaceAll('/', '.')
  return name.endsWith('.') ? `${name}*` : name
}

/** What writes want of a record: what is written below an object that they make is a part of that. */
const wishesOf = (state: RecordState, exists: boolean, writes: readonly Write[]): readonly Thing[] => {
  const then = merged(state, writes)
  if (!exists && writes.some(({ kind }) => kind !== DELETED)) {
    return [{ verb: 'create', path: '', value: then.view(), previous: undefined, current: undefined }]
  }
  const objects = new Set(writes.filter(({ kind, t }) => kind === OBJECT && t > 0).map(({ path }) => path))
  const current = exists ? state.view() : undefined
  const wishes = new Map<string, Thing>()
  for (const write of writes) {
    const { path, kind } = write
    if (isImplicit(write) || isBelow(path, objects)) continue
    const previous = state.view(path)
    // However often it is written: what is there in the end is what counts.
    if (kind === DELETED && path === '') wishes.set('', { verb: 'delete', path, value: undefined, previous, current })
    else wishes.set(`${path}.`, { verb: 'write', path, value: valueAt(then, path), previous, current })
  }
  if (wishes.size) return [...wishes.values()]
  // What changes nothing still tells whether the record is there, so it is for those who may see it.
  if (writes.length === 0 || state.isWritten)
    return [{ verb: 'read', path: '', value: current, previous: undefined, current }]
  return [{ verb: 'write', path: '', value: current, previous: current, current }]
}

/** Whether a write only says that something is written into the record. */
const isImplicit = ({ path, kind, t }: Write): boolean => path === '' && kind === OBJECT && t === 0

/** Whether a path is below one of some others. What ends before a dot that belongs to a key is no path. */
const isBelow = (path: string, others: ReadonlySet<string>): boolean => {
  if (!others.size || path === '') return false
  if (others.has('')) return true
  for (let at = path.indexOf('.'); at >= 0; at = path.indexOf('.', at + 1))
    if (others.has(path.slice(0, at))) return true
  return false
}

/** What would be at a path: also where something below hides it, for that may be deleted later. */
const valueAt = (state: RecordState, path: string): Value | undefined => state.get(path)?.value ?? state.view(path)
