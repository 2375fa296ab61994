/** What becomes of something that goes on, by an answer: it goes on, or it is over; or it waits for a later answer, and nobody is told more. */
export type Fate = 'goes' | 'waits' | 'ends'

/**
 * What answers mean, where the same is asked again before it was answered. Each counts, unless one to a later question has come: so what is
 * denied stops, however often it is asked again meanwhile. But only the answer to the last question ends anything: what an earlier one denied
 * may be allowed by now.
 */
export class Answers {
  #asked = 0
  readonly #answered = new WeakMap<object, number>()

  /** The number of the questions that are asked now. */
  ask(): number {
    return ++this.#asked
  }

  /**
   * What becomes of something.
   * @param asked - the number of the question that was answered
   * @returns undefined: the answer does not count
   */
  fate(about: object, asked: number, isAllowed: boolean): Fate | undefined {
    if (asked < (this.#answered.get(about) ?? 0)) return undefined
    this.#answered.set(about, asked)
    if (isAllowed) return 'goes'
    return asked === this.#asked ? 'ends' : 'waits'
  }
}
