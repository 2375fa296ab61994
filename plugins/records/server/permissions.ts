import { AnywireError } from '../../../lib/errors.ts'
import { ERR_TIMEOUT } from '../../../lib/failures.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import type { Value } from '../../../lib/store.ts'
import type { Permissions } from '../../permissions/index.ts'
import type { Write } from '../core/register.ts'
import { after, all, maybe } from './maybe.ts'
import type { Maybe } from './maybe.ts'
import type { Permit, PermitQuestion, Verb } from './options.ts'
import type { Patience } from './patience.ts'
import type { RecordsReader } from './reader.ts'
import type { CachedRecord } from './record-cache.ts'
import type { Settings } from './settings.ts'
import { wishesOf } from './wishes.ts'
import type { Thing } from './wishes.ts'

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
   * What a peer may not do of some writes to a record, as it is told; undefined: it may do all of it. Rules by name know of no paths,
   * so what a field would be is only for `permit`.
   * @param records - as they will be
   */
  refusesWriting(
    peer: Peer | undefined,
    record: CachedRecord,
    writes: readonly Write[],
    records: RecordsReader
  ): Maybe<string | undefined> {
    const { id, state } = record
    const { settings, permissions } = this.#host
    const permit = this.#permitOf(id)
    if (!peer || !(permissions || permit)) return undefined
    const { own, fields } = wishesOf(state, writes, state => settings.isVisible(id, state))
    const refused = refusedOf(own, thing => this.#allows(peer, id, thing, records))
    return after(refused, refused => {
      if (refused || !permit) return refused && sayOf(refused.verb, id, refused.path)
      const field = refusedOf(fields, thing => this.#isPermitted(peer, id, thing, records))
      return after(field, field => field && sayOf(field.verb, id, field.path))
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

/** The first of some things that is not allowed. Of those behind one that is denied at once nobody is asked. */
const refusedOf = (things: Iterable<Thing>, allows: (thing: Thing) => Maybe<boolean>): Maybe<Thing | undefined> => {
  const asked: Thing[] = []
  const answers: Maybe<boolean>[] = []
  for (const thing of things) {
    const answer = allows(thing)
    asked.push(thing)
    answers.push(answer)
    if (answer === false) break
  }
  return after(all(answers), answers => asked[answers.indexOf(false)])
}

/** What is written in JavaScript may return anything. */
const isTrue = (answer: unknown): boolean => answer === true

/** The name of a record or collection in rules: its parts have dots between them, and none within. */
const nameOf = (record: string): string => {
  const name = record.replaceAll('%', '%25').replaceAll('.', '%2E').replaceAll('/', '.')
  return name.endsWith('.') ? `${name}*` : name
}
