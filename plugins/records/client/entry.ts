import type { AnywireError } from '../../../lib/errors.ts'
import type { Registers, WriteFrame } from '../core/frame.ts'
import type { Write } from '../core/register.ts'
import type { Outcome, WriteHandle, WriteOptions, WriteStatus } from './engine.ts'
import { Later } from './later.ts'
import type { Moment } from './offset.ts'

const NONE: readonly never[] = []

const tellStored = ({ error, isKept }: Entry, stored: Later<void>): void => {
  if (error && !isKept) stored.reject(error)
  else stored.resolve()
}

const tell = ({ error, restamped }: Entry, durable: Later<Outcome>): void => {
  if (error) durable.reject(error)
  else durable.resolve({ restamped })
}

/** A write in the outbox. */
export class Entry implements WriteHandle {
  node: string
  number: number
  records: readonly Registers<Write>[]
  readonly #options: WriteOptions
  status: WriteStatus = 'local'
  /** Whether the store has it, so that its number is taken, and it may be sent. */
  isKept = false
  /** It was taken back, and is only there for its number. */
  isVoid = false
  /** For as long as it was never sent, and the clock may have been wrong. */
  moment: Moment | undefined
  /** Its bytes, when it was sent. */
  size = 0
  restamped = false
  /** Why it, or a part of it, was refused. */
  error: AnywireError | undefined
  /** Made when somebody asks for them: most do not. */
  #stored: Later<void> | undefined
  #durable: Later<Outcome> | undefined

  constructor(
    node: string,
    number: number,
    records: readonly Registers<Write>[],
    options: WriteOptions,
    moment: Moment | undefined
  ) {
    this.node = node
    this.number = number
    this.records = records
    this.#options = options
    this.moment = moment
  }

  get stored(): Promise<void> {
    this.#stored ??= new Later()
    if (this.isKept || this.isSettled) tellStored(this, this.#stored)
    return this.#stored.promise
  }

  get durable(): Promise<Outcome> {
    this.#durable ??= new Later()
    if (this.isSettled || this.error) tell(this, this.#durable)
    return this.#durable.promise
  }

  get frame(): WriteFrame {
    const { node, number, isVoid } = this
    const { atomic = false, conditions: all = NONE } = this.#options
    const [records, conditions] = isVoid ? [NONE, NONE] : [this.records, all]
    return { type: 'write', node, number, atomic, conditions, records }
  }

  keep(): void {
    this.isKept = true
    if (this.status === 'local') this.status = 'stored'
    this.#stored?.resolve()
  }

  /** The authority has decided. */
  settle(): void {
    this.status = this.error ? 'refused' : 'durable'
    if (this.#stored) tellStored(this, this.#stored)
    if (this.#durable) tell(this, this.#durable)
  }

  /** Nobody here will hear what becomes of it. What is kept stays so, and is sent by whoever has the store next. */
  end(error: AnywireError): void {
    this.error = error
    if (!this.isKept) this.settle()
    else if (this.#durable) tell(this, this.#durable)
  }

  /** Whether somebody hears by a promise that it was refused. */
  get isAwaited(): boolean {
    return !!this.#durable || (!!this.#stored && !this.isKept)
  }

  get isSettled(): boolean {
    return this.status === 'durable' || this.status === 'refused'
  }

  /** Whether the authority cannot have heard of it. */
  get isSecret(): boolean {
    return !this.isKept || this.moment?.monotonic !== undefined
  }

  /** Whether the authority may have committed it, though it has not said so here. */
  get wasSent(): boolean {
    return this.size > 0
  }

  /** The first and the last of its stamps. */
  get span(): readonly [first: number, last: number] {
    return this.spanAfter(0)
  }

  /** The same of those behind one: what was there before has given the others, those of empty objects. */
  spanAfter(floor: number): readonly [first: number, last: number] {
    let [first, last] = [Infinity, 0]
    for (const { registers } of this.records)
      for (const { t } of registers) {
        if (t <= floor) continue
        first = Math.min(first, t)
        last = Math.max(last, t)
      }
    return [first, last]
  }

  /** Moves its stamps behind one, all by the same; IMPLICIT stays. */
  shift(by: number, floor: number): void {
    this.records = this.records.map(({ record, registers }) => ({
      record,
      registers: registers.map(register => (register.t > floor ? { ...register, t: register.t + by } : register))
    }))
  }
}
