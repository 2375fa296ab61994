/** A set of one field of one record. */
export interface Op {
  readonly record: string
  readonly field: string
  readonly value: number
}

/** What keeps records, as an application would use it. */
export interface Replica {
  set(op: Op): void
  /** The others have all sets so far: what is kept for them may go. Not measured. */
  settle(): void
  /** No more sets come before the others are told. Not measured. */
  rest?(): void
  /** What others need of the sets since the last call, one message each, as they would be sent at once. */
  messages(): Uint8Array[]
  /** A message of another replica. */
  apply(message: Uint8Array): void
  /** From now on, `changes` counts. */
  mark(): void
  /** All sets since `mark`, for one who has what was there before. */
  changes(): Uint8Array
  merge(changes: Uint8Array): void
  /** All of it, for one who has nothing. */
  snapshot(): Uint8Array
  load(snapshot: Uint8Array): void
  get(record: string, field: string): unknown
}

export interface Contestant {
  readonly name: string
  /** @param sends - whether `messages` will be called: some have to listen to make them */
  readonly create: (sends: boolean) => Replica
  /** Only so many sets and messages, because it is slow. */
  readonly most?: number
  /** False: its replicas are not the same when they have told each other everything. */
  readonly converges?: boolean
}

export const RECORDS = 1_000
export const FIELDS = 10

const records = Array.from({ length: RECORDS }, (_, at) => `r:${at}`)
const fields = Array.from({ length: FIELDS }, (_, at) => `field${at}`)

/** Sets of all fields of all records, over and over, in an order without a pattern that helps anybody. */
export const ops = (count: number, from = 0): Op[] =>
  Array.from({ length: count }, (_, at) => {
    const step = ((from + at) * 7_919) % (RECORDS * FIELDS)
    return {
      record: records[step % RECORDS] ?? '',
      field: fields[Math.floor(step / RECORDS)] ?? '',
      value: from + at
    }
  })
