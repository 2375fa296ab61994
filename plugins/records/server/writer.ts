import type { Store } from '../../../lib/store.ts'
import { RESTAMP } from '../core/frame.ts'
import type { Result, WriteFrame } from '../core/frame.ts'
import { isId } from '../core/path.ts'
import type { Feed } from './feed.ts'
import type { Author } from './intake.ts'
import type { Ahead } from './lookahead.ts'
import type { Limit, Patience } from './patience.ts'
import type { Progress } from './batch.ts'
import type { Turn } from './turns.ts'

/** A write that came in, and from whom. */
export interface Incoming {
  readonly frame: WriteFrame
  readonly author: Author
  /** Its bytes. */
  readonly size: number
  /** It was refused, as the application has not answered in time: whatever still asks about it is too late. */
  isLate?: boolean
  /** It is judged before its turn. */
  ahead?: Ahead | undefined
  /** What is to be done of it was found before its turn. */
  isAhead?: boolean
  /** How long it may take until it is decided. */
  limit?: Limit | undefined
  /** Its place among those that are decided about. */
  turn?: Turn | undefined
}

/** The records that a write is about, where their ids are some. */
export const idsOf = ({ records, conditions }: WriteFrame): Set<string> =>
  new Set([...records.map(({ record }) => record), ...conditions.map(([record]) => record)].filter(isId))

/** What is kept in the store of a writer. */
interface Kept {
  readonly number: number
  /** What its results are kept as: for each commit that had some an entry, whose first one has this number. */
  readonly pages: readonly number[]
  /** Up to this number the client has confirmed its results. */
  readonly confirmed?: number
  /** When it was heard last, in milliseconds since 1970. */
  readonly seen: number
  /** Of the secret that was shown with it first. */
  readonly seal?: string
}

/** Results that its client has not confirmed; what it writes behind them waits. */
const MOST_RESULTS = 1_000

/** Results of one commit, as they are kept. */
type Page = readonly (readonly [number: number, record: string, code: string, hint: string])[]

/** Refusals that are kept though they are confirmed: a storage may have been copied, and its copy asks for them later. */
const MOST_CONFIRMED = 100

/** One who writes: a node, that is the storage of a client. */
export class Writer {
  readonly node: string
  /** The number of its last write that is committed. */
  last = 0
  /** The commit in which that was. */
  seq = 0
  /** Results that are committed: those that the client has not confirmed, and some before. */
  results: readonly Result[] = []
  /** Up to this number the client has confirmed its results. */
  confirmed = 0
  /** Of the secret of those who may write for it; undefined as long as nobody has. */
  seal: string | undefined
  /** The number of the last write that was taken. */
  taken = 0
  /** What waits, in order; the first one may be worked on. */
  readonly queue: Incoming[] = []
  /** Whether the first one is worked on, or waits for something. */
  busy = false
  /** Writes that are decided, and not committed. */
  uncommitted = 0
  /** The commit that the last of its writes is in that is done, or will be. */
  written = 0
  /** The sessions that speak for it. */
  readonly followers = new Set<Feed>()
  /** The pages that the store has of its results, and those that it has with the commit that is under way. */
  #pages: readonly number[] = []
  #sealed: readonly number[] = []
  /** How many of the results are confirmed. */
  #kept = 0
  /** How many have waited for it, and have not done yet what they wanted it for. */
  users = 0

  constructor(node: string, kept?: Kept, pages: readonly Page[] = []) {
    this.node = node
    if (!kept) return
    this.last = this.taken = kept.number
    this.confirmed = kept.confirmed ?? 0
    this.seal = kept.seal
    this.#pages = kept.pages
    this.results = pages
      .flat()
      .map(([number, record, code, hint]) => ({ node, number, record, code, hint }))
      .sort((a, b) => a.number - b.number)
    this.confirm(this.confirmed)
  }

  /** The entries that say how far it is, and what became of its writes: what was kept before is not written again. */
  entries(last: number, results: readonly Result[], seen: number): readonly (readonly [key: string, value: unknown])[] {
    const [first] = results
    const needed = this.#needed
    const pages = first ? [...new Set([...needed, first.number])] : needed
    const left = new Set(pages)
    const kept: Kept = {
      number: last,
      pages,
      confirmed: this.confirmed,
      seen,
      ...(this.seal !== undefined && { seal: this.seal })
    }
    const page: Page = results.map(({ number, record, code, hint }) => [number, record, code, hint])
    const gone = this.#pages.filter(number => !left.has(number))
    this.#sealed = pages
    return [
      [LAST + this.node, kept],
      ...(first ? [[keyOfPage(this.node, first.number), page] as const] : []),
      ...gone.map(number => [keyOfPage(this.node, number), undefined] as const)
    ]
  }

  /** The pages that results are on which are still remembered. Both are in order. */
  get #needed(): readonly number[] {
    const { results } = this
    let at = 0
    return this.#pages.filter((first, index) => {
      while ((results[at]?.number ?? Infinity) < first) at++
      return (results[at]?.number ?? Infinity) < (this.#pages[index + 1] ?? Infinity)
    })
  }

  /** Whether it has to be confirmed first what became of its writes. @param decided - results that are not committed */
  isUnheard(decided: number): boolean {
    return this.results.length - this.#kept + decided > MOST_RESULTS
  }

  /** Whether it is the node of who shows a secret: it is from then on, where it was nobody's. @param seal - of the secret */
  belongsTo(seal: string): boolean {
    return isEqual((this.seal ??= seal), seal)
  }

  /** Writes were committed. */
  commit(seq: number, { last, results, count }: Progress): void {
    this.last = last
    this.seq = seq
    this.#pages = this.#sealed
    if (results.length) this.results = [...this.results, ...results]
    this.uncommitted -= count
  }

  /** The client has the results up to a number. */
  confirm(number: number): void {
    this.confirmed = Math.max(this.confirmed, number)
    const isConfirmed = (result: Result): boolean => result.number <= this.confirmed
    const kept = this.results
      .filter(result => isConfirmed(result) && result.code !== RESTAMP)
      .slice(-MOST_CONFIRMED)
      .map(result => ({ ...result, hint: '' }))
    this.#kept = kept.length
    this.results = [...kept, ...this.results.filter(result => !isConfirmed(result))]
  }

  get isIdle(): boolean {
    return !this.queue.length && !this.uncommitted && !this.followers.size && !this.users
  }
}

/** Takes as long whatever the texts are, where they are as long. */
const isEqual = (a: string, b: string): boolean => {
  let difference = a.length ^ b.length
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at)
  return difference === 0
}

/** Before the ids of nodes, the keys of entries. */
export const LAST = 'last/'

/** Before their nodes, the keys of their results. */
const RESULTS = 'results/'

const keyOfPage = (node: string, number: number): string => `${RESULTS}${node}/${number}`

/** What was kept of a writer is what `entries` made. */
export const isKept = (value: unknown): value is Kept =>
  typeof value === 'object' && value !== null && 'number' in value && 'pages' in value && 'seen' in value

/** The keys of all that is kept of a node. */
export const keysOfKept = (node: string, { pages }: Kept): readonly string[] => [
  LAST + node,
  ...pages.map(number => keyOfPage(node, number))
]

/** A writer that is being read, and how many wait for it. */
interface Loading {
  readonly read: Promise<Writer>
  waiting: number
}

/** The writers that sessions speak for. */
export class Writers {
  readonly #store: Store
  readonly #patience: Patience
  readonly #writers = new Map<string, Writer>()
  readonly #loading = new Map<string, Loading>()

  constructor(store: Store, patience: Patience) {
    this.#store = store
    this.#patience = patience
  }

  get(node: string): Writer | undefined {
    return this.#writers.get(node)
  }

  /** Brings writers into memory, where they stay until something was done with them. */
  async use(nodes: readonly string[], work: (writers: readonly Writer[]) => void): Promise<void> {
    const known = nodes.flatMap(node => this.#writers.get(node) ?? [])
    if (known.length === nodes.length) return work(known)
    const writers = await Promise.all(nodes.map(node => this.#hold(node)))
    try {
      work(writers)
    } finally {
      for (const writer of writers) {
        writer.users--
        this.release(writer)
      }
    }
  }

  /** Whether a writer is in memory, or about to be. */
  knows(node: string): boolean {
    return this.#writers.has(node) || this.#loading.has(node)
  }

  /** Forgets one that nothing is left of, but what the store has. */
  release(writer: Writer): void {
    if (writer.isIdle) this.#writers.delete(writer.node)
  }

  async #hold(node: string): Promise<Writer> {
    const known = this.#writers.get(node)
    if (!known) return this.#load(node)
    known.users++
    return known
  }

  #load(node: string): Promise<Writer> {
    let loading = this.#loading.get(node)
    if (!loading) {
      loading = { read: this.#read(node), waiting: 0 }
      this.#loading.set(node, loading)
    }
    loading.waiting++
    return loading.read
  }

  async #read(node: string): Promise<Writer> {
    try {
      const found = await this.#patience.try(() => this.#store.entry(LAST + node))
      const kept = isKept(found) ? found : undefined
      const pages = kept?.pages.length ? await this.#patience.try(() => this.#store.entries(`${RESULTS}${node}/`)) : []
      // What is in them was one when it was kept.
      const writer = new Writer(
        node,
        kept,
        pages.map(([, page]) => page as Page)
      )
      writer.users = this.#loading.get(node)?.waiting ?? 0
      this.#writers.set(node, writer)
      return writer
    } finally {
      this.#loading.delete(node)
    }
  }
}
