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
import type { Permit, Verb } from './options.ts'
import type { Patience } from './patience.ts'
import { merged } from './trials.ts'

/** One thing that somebody wants to do. */
interface Wish {
  readonly verb: Verb
  readonly path: string
  readonly value: Value | undefined
  readonly previous: Value | undefined
  readonly current: Value | undefined
}

/** Asks the application who may do what. Without rules all is allowed; the process itself is never asked about. */
export class Gate {
  /** Whether reading is judged record by record. */
  readonly judgesRecords: boolean
  readonly #permit: Permit | undefined
  readonly #permissions: Pick<Permissions, 'check'> | undefined
  readonly #failed: (error: unknown, peer: Peer) => void
  readonly #patience: Patience
  readonly #timeout: number

  /** @param timeout - milliseconds that an answer about reading may take */
  constructor(
    permit: Permit | undefined,
    permissions: Pick<Permissions, 'check'> | undefined,
    failed: (error: unknown, peer: Peer) => void,
    patience: Patience,
    timeout: number
  ) {
    this.#patience = patience
    this.#timeout = timeout
    this.judgesRecords = permit !== undefined
    this.#permit = permit
    this.#permissions = permissions
    this.#failed = failed
  }

  /** Whether a peer may follow a record or collection. What is in a collection is another question, where records are judged. */
  allowsFollowing(peer: Peer | undefined, name: string): Maybe<boolean> {
    const wish: Wish = { verb: 'read', path: '', value: undefined, previous: undefined, current: undefined }
    const answer = name.endsWith('/') ? this.#allows(peer, name, wish) : this.#isRuled(peer, name, wish)
    return this.#inTime(answer, peer, name)
  }

  /** Whether a peer that may follow a record or its collection may see it as it is. */
  allowsReading(peer: Peer, record: string, value: Value | undefined): Maybe<boolean> {
    if (!this.#permit) return true
    const wish: Wish = { verb: 'read', path: '', value, previous: undefined, current: value }
    return this.#inTime(this.#ask(this.#permit, peer, { context: peer.context, record, ...wish }), peer, record)
  }

  /** Whether a peer may do all of some writes to a record. */
  allowsWriting(
    peer: Peer | undefined,
    record: string,
    state: RecordState,
    exists: boolean,
    writes: readonly Write[]
  ): Maybe<boolean> {
    if (!peer || (!this.#permit && !this.#permissions)) return true
    const answers = wishesOf(state, exists, writes).map(wish => this.#allows(peer, record, wish))
    return after(all(answers), answers => answers.every(Boolean))
  }

  /** An answer about reading; it is no, where it does not come. Of writing, intake.ts takes care. */
  #inTime(answer: Maybe<boolean>, peer: Peer | undefined, name: string): Maybe<boolean> {
    if (!(answer instanceof Promise)) return answer
    return this.#patience.within(answer, this.#timeout).then(allowed => {
      if (allowed === undefined && peer && !this.#patience.isClosed)
        this.#failed(new AnywireError(ERR_TIMEOUT, `permit, of reading '${name}'`), peer)
      return allowed ?? false
    })
  }

  #allows(peer: Peer | undefined, record: string, wish: Wish): Maybe<boolean> {
    const permit = this.#permit
    return after(this.#isRuled(peer, record, wish), allowed =>
      allowed && permit && peer ? this.#ask(permit, peer, { context: peer.context, record, ...wish }) : allowed
    )
  }

  /** What the rules of the permissions plugin say. */
  #isRuled(peer: Peer | undefined, record: string, { verb, value, previous }: Wish): Maybe<boolean> {
    const name = nameOf(record)
    return (peer && this.#permissions?.check({ peer, plugin: 'records', verb, name, value, previous })) ?? true
  }

  #ask(permit: Permit, peer: Peer, question: Omit<Parameters<Permit>[0], 'peer'>): Maybe<boolean> {
    const fail = (error: unknown): false => {
      this.#failed(error, peer)
      return false
    }
    try {
      const answer = maybe(permit({ peer, ...question }))
      return answer instanceof Promise ? answer.then(isTrue, fail) : isTrue(answer)
    } catch (error) {
      return fail(error)
    }
  }
}

/** What is written in JavaScript may return anything. */
const isTrue = (answer: unknown): boolean => answer === true

/** The name of a record or collection in rules: its parts have dots between them, and none within. */
const nameOf = (record: string): string => {
  const name = record.replaceAll('%', '%25').replaceAll('.', '%2E').replaceAll('/', '.')
  return name.endsWith('.') ? `${name}*` : name
}

/** What writes want of a record: what is written below an object that they make is a part of that. */
const wishesOf = (state: RecordState, exists: boolean, writes: readonly Write[]): readonly Wish[] => {
  const then = merged(state, writes)
  if (!exists && writes.some(({ kind }) => kind !== DELETED)) {
    return [{ verb: 'create', path: '', value: then.view(), previous: undefined, current: undefined }]
  }
  const objects = new Set(writes.filter(({ kind, t }) => kind === OBJECT && t > 0).map(({ path }) => path))
  const current = exists ? state.view() : undefined
  const wishes = new Map<string, Wish>()
  for (const write of writes) {
    const { path, kind } = write
    if (isImplicit(write) || isBelow(path, objects)) continue
    const verb = kind === DELETED && path === '' ? 'delete' : 'write'
    // However often it is written: what is there in the end is what counts.
    wishes.set(`${verb} ${path}`, { verb, path, value: valueAt(then, path), previous: state.view(path), current })
  }
  if (wishes.size) return [...wishes.values()]
  // What changes nothing still tells whether the record is there, so it is for those who may see it.
  const verb = writes.length === 0 || state.isWritten ? 'read' : 'write'
  return [{ verb, path: '', value: current, previous: verb === 'read' ? undefined : current, current }]
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
