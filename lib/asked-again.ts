/**
 * Which answers count, where the same is asked again before it was answered: each, unless one to a later question has come. So what is denied
 * ends, however often it is asked again meanwhile.
 */
export class Answers {
  #asked = 0
  readonly #answered = new WeakMap<object, number>()

  /** The number of the questions that are asked now. */
  ask(): number {
    return ++this.#asked
  }

  /** Whether nothing was asked since. */
  isLast(asked: number): boolean {
    return asked === this.#asked
  }

  /** Whether an answer about something counts. @param asked - the number of its question */
  counts(about: object, asked: number): boolean {
    if (asked < (this.#answered.get(about) ?? 0)) return false
    this.#answered.set(about, asked)
    return true
  }
}
