import type { Settings } from './options.ts'
import type { MessagePacket } from './wire.ts'

/** A message that is kept. */
export interface Entry {
  readonly packet: MessagePacket
  readonly time: number
  /** The clients that were left out. */
  readonly except: readonly string[]
  /** As `weigh` counts. */
  readonly weight: number
}

/** What all topics together keep. */
export interface Kept {
  weight: number
}

export const sequenceOf = ({ packet }: Entry): number => packet[1]
export const offsetOf = ({ packet }: Entry): number => packet[2]

/** What is kept of one topic. */
export class Topic {
  readonly name: string
  readonly settings: Settings
  readonly #kept: Kept
  #retained: Entry | undefined
  /** Of the last message. */
  offset: number
  /** The sequence and the offset of the last message that is not there any more. */
  gone: number
  goneOffset: number
  #entries: Entry[] = []
  /** The first entry that still counts. */
  #first = 0
  /** The token bucket of the rate, and when it was last filled. */
  #tokens: number
  #filled: number

  /** @param gone - the sequence up to which messages may have been forgotten before */
  constructor(name: string, settings: Settings, kept: Kept, gone: number, offset: number, now: number) {
    this.name = name
    this.#kept = kept
    this.settings = settings
    this.gone = gone
    this.offset = this.goneOffset = offset
    this.#tokens = settings.rate?.burst ?? Infinity
    this.#filled = now
  }

  get retained(): Entry | undefined {
    return this.#retained
  }

  /** Takes a token. */
  allows(now: number): boolean {
    const { rate } = this.settings
    if (!rate) return true
    this.#tokens = Math.min(rate.burst, this.#tokens + ((now - this.#filled) * rate.second) / 1_000)
    this.#filled = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  add(entry: Entry): void {
    const { retain, size } = this.settings
    // No value takes the last one away.
    if (retain) this.#retain(entry.packet.length > 3 ? entry : undefined)
    if (!sequenceOf(entry)) return
    this.#kept.weight += entry.weight
    this.#entries.push(entry)
    if (this.#entries.length - this.#first > size) this.#forget()
  }

  /** The messages that are left, the oldest first. */
  entries(now: number): readonly Entry[] {
    const { ttl } = this.settings
    for (let entry = this.#entries[this.#first]; entry && entry.time + ttl <= now; entry = this.#entries[this.#first])
      this.#forget()
    return this.#first ? this.#entries.slice(this.#first) : this.#entries
  }

  /** Those of them that came behind a sequence. */
  since(sequence: number, now: number): readonly Entry[] {
    const entries = this.entries(now)
    return entries.slice(entries.findLastIndex(entry => sequenceOf(entry) <= sequence) + 1)
  }

  /** Keeps nothing any more. */
  clear(): void {
    for (const { weight } of this.entries(-Infinity)) this.#kept.weight -= weight
    this.#entries = []
    this.#retain(undefined)
  }

  #retain(entry: Entry | undefined): void {
    this.#kept.weight += (entry?.weight ?? 0) - (this.#retained?.weight ?? 0)
    this.#retained = entry
  }

  #forget(): void {
    const entry = this.#entries[this.#first]
    if (!entry) return
    this.#kept.weight -= entry.weight
    this.gone = sequenceOf(entry)
    this.goneOffset = offsetOf(entry)
    this.#first++
    // Moved once for many.
    if (this.#first * 2 < this.#entries.length) return
    this.#entries = this.#entries.slice(this.#first)
    this.#first = 0
  }
}
