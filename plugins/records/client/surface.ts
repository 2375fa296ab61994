import { Emitter } from '../../../lib/emitter.ts'
import type { Undo } from '../../../lib/emitter.ts'
import { AnywireError } from '../../../lib/errors.ts'
import { ERR_CANCELLED, ERR_CONFLICT, ERR_OPTION } from '../../../lib/failures.ts'
import { Edit } from '../core/edit.ts'
import type { Operation } from '../core/edit.ts'
import type { Registers } from '../core/frame.ts'
import { isId } from '../core/path.ts'
import { problemOf } from '../core/query.ts'
import type { Write } from '../core/register.ts'
import { checkFunction } from './check-function.ts'
import { Collection } from './collection.ts'
import type { Engine, EngineEvents, WriteHandle, WriteOptions } from './engine.ts'
import type { Fields } from './fields.ts'
import type { Changes, Live, Report } from './live.ts'
import { LiveQuery } from './live-query.ts'
import { LiveRecord } from './live-record.ts'
import type { Entered, RecordShelf } from './live-record.ts'
import { transact } from './transaction.ts'
import type { EditOptions } from './target.ts'
import type { AnyRecord, IfNamed, QueryOf, Schema, TypeOf } from './types.ts'

/** What `records` tells: see `EngineEvents`. */
export type RecordsEvents = Omit<EngineEvents, 'change' | 'following'>

/** What a write comes to that changes nothing. */
const NOTHING: WriteHandle = {
  node: '',
  number: 0,
  records: [],
  status: 'durable',
  stored: Promise.resolve(),
  durable: Promise.resolve({ restamped: false })
}

/** Looks at what is to be written; what it returns is called with the write. */
export type Observer = (records: readonly Registers<Write>[]) => ((write: WriteHandle) => void) | undefined

/** The records that an end of a connection follows, reads and writes. */
export class Records<S extends Schema = Schema> {
  /** What all this stands on, for parts that add to it. */
  readonly engine: Engine
  readonly #shelf: RecordShelf
  readonly #records = new Map<string, Entered>()
  /** Queries; and records that are followed again where another object of the same was made meanwhile. */
  readonly #told = new Set<Live<unknown>>()
  readonly #observers = new Set<Observer>()
  #isListening = false

  constructor(engine: Engine, report: Report) {
    this.engine = engine
    this.#shelf = {
      engine,
      audience: () => {
        this.#listen()
        return Object.assign(new Emitter<Changes>(), { failed: report })
      },
      told: this.#told,
      edit: (id, operation, path, value, options) => this.#edit(id, operation, path, value, options),
      enter: (record, look) => {
        if (this.#records.has(record.id)) this.#told.add(look)
        else this.#records.set(record.id, record)
      },
      leave: (record, look) => {
        if (!this.#told.delete(look)) this.#records.delete(record.id)
      }
    }
    engine.on('following', name => {
      this.#records.get(name)?.changed()
      for (const live of this.#told) if (live.name === name) live.changed([])
    })
  }

  /** Calls `listener` at each `event`. @returns what removes it */
  on<K extends keyof RecordsEvents>(event: K, listener: (...args: RecordsEvents[K]) => unknown): Undo {
    return this.engine.on<keyof RecordsEvents>(event, (...args) => listener(...(args as RecordsEvents[K])))
  }

  /** For parts that look at what this end writes, before it does. @returns what ends it */
  observe(observer: Observer): Undo {
    const own: Observer = records => observer(records)
    this.#observers.add(own)
    return () => this.#observers.delete(own)
  }

  /**
   * What was written here and is not committed yet, in the order of writing; also what former processes left, but not what other
   * tabs send themselves. The same array until that changes, which the event `pending` tells.
   */
  get pending(): readonly WriteHandle[] {
    return this.engine.pending
  }

  /** Takes back what was written here. @returns false where it is on its way already */
  discard(write: WriteHandle): boolean {
    return this.engine.discard(write)
  }

  /** Waits until what this device keeps is kept, and lets go of it. Nothing can be read or written after that. */
  close(): Promise<void> {
    return this.engine.close()
  }

  /**
   * A record, followed from here on, until it is released as often as it was asked for.
   * @throws ERR_OPTION for what is no id
   * @example
   * const todo = client.records.get('todos/1')
   * todo.subscribe('title', title => console.log(title))
   * todo.set('done', true)
   */
  get<const Id extends string>(id: Id): IfNamed<S, Id, LiveRecord<TypeOf<S, Id>>>
  get<T extends object>(id: string): LiveRecord<T>
  get(id: string): unknown {
    return this.#live(id)
  }

  /**
   * The records whose ids begin with a name that ends with a slash.
   * @throws ERR_OPTION
   */
  collection<const Name extends string>(name: Name): IfNamed<S, Name, Collection<TypeOf<S, Name>, Name>>
  collection<T extends object>(name: string): Collection<T>
  collection<T>(name: string): Collection<T> {
    if (!name.endsWith('/')) throw new AnywireError(ERR_OPTION, `a collection ends with a slash: '${name}/'`)
    return new Collection<T>(
      {
        get: id => this.#live(id) as LiveRecord<T>,
        query: (name, query) => this.#query(name, query),
        make: (id, value) => this.#make(id, value)
      },
      name
    )
  }

  /** Whether `snapshot` finds something. @throws ERR_DENIED, and what else it is refused with; ERR_CANCELLED */
  async has(id: string, options?: { readonly signal?: AbortSignal }): Promise<boolean> {
    return (await this.snapshot(id, options)) !== undefined
  }

  /** A record as the server has it now, with what was written here and waits; it is not followed any further. Undefined where there is none. Throws what `has` does. */
  snapshot<const Id extends string>(
    id: Id,
    options?: { readonly signal?: AbortSignal }
  ): IfNamed<S, Id, Promise<TypeOf<S, Id> | undefined>>
  snapshot<T extends object>(id: string, options?: { readonly signal?: AbortSignal }): Promise<T | undefined>
  async snapshot(id: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<unknown> {
    const live = this.get<AnyRecord>(id)
    let cancel = (): void => {}
    try {
      await Promise.race([
        this.engine.ask(id),
        new Promise((_resolve, reject) => {
          cancel = () => reject(new AnywireError(ERR_CANCELLED, '', signal?.reason))
          if (signal?.aborted) cancel()
          else signal?.addEventListener('abort', cancel)
        })
      ])
      return live.get()
    } finally {
      signal?.removeEventListener('abort', cancel)
      live.release()
    }
  }

  /**
   * Writes to several records together: the server takes all of it, or nothing.
   * @param act - reads and writes by `get(id)` of what it is given; when it throws, nothing is written
   * @throws ERR_OPTION when it is asynchronous, or none; nothing is written then
   * @example
   * records.transaction(({ get }) => {
   *   get('accounts/a').increment('balance', -5)
   *   get('accounts/b').increment('balance', 5)
   * })
   */
  transaction(act: (draft: Drafts<S>) => void | undefined): WriteHandle {
    checkFunction('transaction', act)
    const { records, conditions } = transact(this.engine, get =>
      // What the application says that its records are.
      act({ get: (id: string) => get(check(id)) } as Drafts<S>)
    )
    return this.#write(records, { atomic: true, conditions })
  }

  /** From now on somebody wants to know what changes: until then writing is not to pay for it. */
  #listen(): void {
    if (this.#isListening) return
    this.#isListening = true
    this.engine.on('change', ids => {
      for (const id of ids) this.#records.get(id)?.changed()
      for (const live of this.#told) live.changed(ids)
    })
  }

  #live(id: string): Entered {
    const live = this.#records.get(check(id))
    if (!live) return new LiveRecord<unknown>(this.#shelf, id)
    live.ask()
    return live
  }

  #edit(id: string, operation: Operation, path: string, value?: unknown, options?: EditOptions): WriteHandle {
    const edit = new Edit(this.engine.state(id), this.engine.tick(), this.engine.limits.maxValue)
    const { writes } = edit[operation](path, value)
    const version = options?.ifVersion
    // What changes nothing here may do so because this end does not know better: then the version tells.
    return this.#write(
      writes.length || version !== undefined ? [{ record: id, registers: writes }] : [],
      version === undefined ? undefined : { conditions: [[id, version]] }
    )
  }

  #make(id: string, value: unknown): WriteHandle {
    if (this.engine.visible(check(id))) throw new AnywireError(ERR_CONFLICT, `'${id}' exists`)
    return this.#edit(id, 'replace', '', value, { ifVersion: 0 })
  }

  #write(records: readonly Registers<Write>[], options?: WriteOptions): WriteHandle {
    if (!records.length) return NOTHING
    if (!this.#observers.size) return this.engine.write(records, options)
    const written = [...this.#observers].map(observe => observe(records))
    const write = this.engine.write(records, options)
    for (const tell of written) tell?.(write)
    return write
  }

  #query<T>(name: string, query: QueryOf<T>): LiveQuery<T> {
    // A server would end the connection.
    const problem = problemOf(query)
    if (problem) throw new AnywireError(ERR_OPTION, `the query: ${problem}`)
    this.#listen()
    return new LiveQuery<T>(this.#shelf, name, query)
  }
}

/** The records of a transaction. */
export interface Drafts<S extends Schema> {
  get<const Id extends string>(id: Id): IfNamed<S, Id, Fields<TypeOf<S, Id>, void>>
  get<T extends object>(id: string): Fields<T, void>
}

const check = (id: string): string => {
  if (isId(id)) return id
  const rule =
    "up to 256 characters, none at the end a slash, and no NUL, '__proto__' or half of a surrogate pair in it"
  throw new AnywireError(ERR_OPTION, `'${String(id).slice(0, 100)}' is no id of a record: ${rule}`)
}
