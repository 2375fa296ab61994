import { Answers } from '../../lib/asked-again.ts'
import type { Undo } from '../../lib/emitter.ts'

/** A service that a client provides. */
interface Offer {
  readonly name: string
  /** Undefined: it is not called for now. */
  end: Undo | undefined
}

/** The services that one client provides, by the numbers of its requests. */
export class Offers {
  readonly #offers = new Map<number, Offer>()
  readonly #answers = new Answers()
  readonly #add: (name: string) => Undo

  /** @param add - has the client called for a name, until that is undone */
  constructor(add: (name: string) => Undo) {
    this.#add = add
  }

  get size(): number {
    return this.#offers.size
  }

  begin(number: number, name: string): void {
    this.#offers.set(number, { name, end: this.#add(name) })
  }

  withdraw(number: number): void {
    this.#offers.get(number)?.end?.()
    this.#offers.delete(number)
  }

  /** Has all of them judged again. @param ended - called with what is not allowed any more */
  async judge(
    allows: (name: string) => Promise<boolean>,
    ended: (number: number, name: string) => void
  ): Promise<void> {
    const asked = this.#answers.ask()
    await Promise.all(
      [...this.#offers].map(async ([number, offer]) => {
        const { name } = offer
        const isAllowed = await allows(name)
        if (this.#offers.get(number) !== offer) return
        const fate = this.#answers.fate(offer, asked, isAllowed)
        if (fate === 'goes') offer.end ??= this.#add(name)
        else if (fate === 'waits') {
          offer.end?.()
          offer.end = undefined
        } else if (fate) {
          this.withdraw(number)
          ended(number, name)
        }
      })
    )
  }

  stop(): void {
    for (const { end } of this.#offers.values()) end?.()
    this.#offers.clear()
  }
}
