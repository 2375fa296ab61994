import type { Question } from '../../plugins/permissions/index.ts'
import type { Dice } from './dice.ts'

/** Milliseconds: as long as an answer takes at most, as a message does, and as it may take until a denial is known everywhere. */
export const ANSWER = 50
const ARRIVAL = 5
export const KNOWN = 2 * ANSWER + ARRIVAL

export const keyOf = (user: unknown, verb: string, name: string): string => `${String(user)} ${verb} ${name}`

/** What everybody may do, and since when; or since when not. */
export class Rules {
  readonly dice: Dice
  readonly allowed = new Set<string>()
  readonly since = new Map<string, number>()
  /** Whether each answer comes late, so that the same is asked again before. */
  isSlow = false
  /** What went wrong. */
  readonly wrong: string[] = []

  constructor(dice: Dice) {
    this.dice = dice
  }

  readonly rule = ({ context, verb, name }: Question): boolean | Promise<boolean> => {
    const key = keyOf(context, verb, name.slice(-1))
    const { dice, allowed, isSlow } = this
    if (!isSlow && dice.chance(0.3)) return allowed.has(key)
    const early = allowed.has(key)
    const isLate = dice.chance(0.5)
    const time = isSlow ? ANSWER / 2 + dice.below(ANSWER / 2) : dice.below(ANSWER)
    return new Promise(resolve => {
      setTimeout(() => resolve(isLate ? allowed.has(key) : early), time)
    })
  }

  change(key: string): void {
    if (!this.allowed.delete(key)) this.allowed.add(key)
    this.since.set(key, Date.now())
  }

  /** Somebody hears of something: they must have been allowed to, not long ago. */
  heard(key: string): void {
    if (!this.allowed.has(key) && this.#age(key) > KNOWN) this.wrong.push(`${key}: told after ${this.#age(key)} ms`)
  }

  /** Somebody is told that they may not: that must have been so just now. */
  ended(key: string, error: unknown): void {
    const code: unknown = Reflect.get(Object(error), 'code')
    if (code !== 'ERR_DENIED') this.wrong.push(`${key}: ${String(error)}`)
    if (this.allowed.has(key) && this.#age(key) > ARRIVAL) this.wrong.push(`${key}: ended after ${this.#age(key)} ms`)
  }

  #age(key: string): number {
    return Date.now() - (this.since.get(key) ?? -Infinity)
  }
}
