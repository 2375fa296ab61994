import type { Hub } from './hub.ts'
import type { Look } from './item.ts'
import type { Place } from './log.ts'
import type { Entry } from './topic.ts'
import { MISSABLE, MISSED, NEW, PASSED, RECOVERED, RETAINED, SKIPPED, toSkip } from './wire.ts'

/** Tells a client what there was before. */
export class Teller {
  /** What the client calls itself. */
  me = ''
  readonly #hub: Hub
  readonly #hasRoom: () => boolean
  readonly #write: (packet: readonly unknown[]) => boolean

  /**
   * @param hasRoom - whether more may wait for the client
   * @param write - returns whether the client will get it
   */
  constructor(hub: Hub, hasRoom: () => boolean, write: (packet: readonly unknown[]) => boolean) {
    this.#hub = hub
    this.#hasRoom = hasRoom
    this.#write = write
  }

  /**
   * Answers a request for a subscription: with what it has missed, or what is retained.
   * @param place - where it was; undefined: nowhere
   * @param missed - what there was since; undefined: that is not known
   */
  answer(id: number, name: string, place: Place | undefined, missed: readonly Entry[] | undefined): void {
    const { log, limits } = this.#hub
    const tell = ({ packet, except }: Entry, kind: number): boolean => {
      const passed =
        kind === MISSABLE && except.includes(this.me) ? [toSkip(packet), log.epoch, SKIPPED] : [packet, log.epoch, kind]
      return this.#hasRoom() && this.#write([-id, PASSED, ...passed])
    }
    let state = place ? MISSED : NEW
    if (missed?.every(entry => tell(entry, MISSABLE))) state = RECOVERED
    else {
      const kept = log.retained(name)
      const more = kept.splice(limits.messages)
      if (!kept.every(entry => tell(entry, RETAINED)) || more.length) state = MISSED
    }
    this.#write([-id, 0, state, log.epoch, log.sequence])
  }

  /** Answers a look into a history. @returns whether there was room */
  tell(id: number, topic: string, { epoch, offset, limit, reverse }: Look): boolean {
    const { log } = this.#hub
    if (!this.#hasRoom()) return false
    const [entries, complete] = log.page(topic, epoch, offset, limit, reverse)
    for (const { packet } of entries) if (this.#hasRoom()) this.#write([-id, PASSED, packet, log.epoch, MISSABLE])
    this.#write([-id, 0, log.epoch, complete])
    return true
  }
}
