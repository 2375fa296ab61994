import { AnywireError } from '../../../lib/errors.ts'
import { ERR_OPTION } from '../../../lib/failures.ts'

/*
 * Positions in a list: text, so that there always is room for one more between two ("Implementing Fractional Indexing", David
 * Greenspan, 2020). A position begins with a number of five digits, which leaves room at both ends of a list; where two have
 * no number between them, more digits follow, as behind a decimal point. The order of positions is that of text.
 */
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const BASE = DIGITS.length
const WIDTH = 5
const MOST = BASE ** WIDTH

/** How far from its neighbor a new first or last item is at most. */
const STEP = 64

const digit = (position: string, at: number): number => Math.max(0, DIGITS.indexOf(position[at] ?? '0'))

const toNumber = (position: string): number => {
  let number = 0
  for (let at = 0; at < WIDTH; at++) number = number * BASE + digit(position, at)
  return number
}

const toText = (number: number): string => {
  let text = ''
  for (let rest = number; text.length < WIDTH; rest = Math.floor(rest / BASE)) text = (DIGITS[rest % BASE] ?? '') + text
  return text
}

/** The last digit is never the smallest one, so that there is room before each position too. */
const extend = (before: string, after: string | undefined, random: () => number): string => {
  let position = ''
  let bound = after
  for (let at = 0; ; at++) {
    const low = digit(before, at)
    // There may be nothing before the end of it, whoever made it: then it goes behind.
    if (bound !== undefined && at >= bound.length) bound = undefined
    const high = bound === undefined ? BASE : digit(bound, at)
    if (high - low > 1) return position + DIGITS[low + 1 + Math.floor(random() * (high - low - 1))]
    position += DIGITS[low]
    if (low < high) bound = undefined
  }
}

/**
 * A position between two others, whoever made them. Where nothing is between them, as two may have got the same one, it is right behind the first.
 * @param before - undefined: before all others
 * @param after - undefined: behind all others
 * @param random - 0 ≤ n < 1; two who insert at one place at the same time rarely choose the same position
 */
export const place = (before: string | undefined, after: string | undefined, random = Math.random): string => {
  const low = before === undefined ? 0 : toNumber(before)
  const high = after === undefined ? MOST : toNumber(after)
  const step = Math.min(STEP, high - low - 1)
  if (step < 1) return extend(before ?? '', after, random)
  const by = 1 + Math.floor(random() * step)
  if (before === undefined) return toText(after === undefined ? Math.floor(MOST / 2) + by : high - by)
  return toText(low + (after === undefined ? by : Math.max(1, Math.floor(((high - low) * by) / (step + 1)))))
}

/**
 * A position between two others that this made, as text: for records that people put in order, which go by it in queries. Of two that
 * are equal it is behind both.
 * @param before - undefined: before all others
 * @param after - undefined: behind all others
 * @throws ERR_OPTION for what is no position, and where the first is not before the other
 */
export const between = (before: string | undefined, after: string | undefined): string => {
  for (const position of [before, after])
    if (position !== undefined && !/^[0-9A-Za-z]+$/.test(position))
      throw new AnywireError(ERR_OPTION, `'${position}' is no position`)
  if (before !== undefined && after !== undefined && before > after)
    throw new AnywireError(ERR_OPTION, `the position '${before}' is not before '${after}'`)
  return place(before, after)
}
