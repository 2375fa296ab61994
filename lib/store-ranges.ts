import { endOfPrefix, toText } from './store-text.ts'
import type { Range } from './store.ts'

/** The texts of names from one on, up to another one that is not in it; or one text alone. */
export interface Span {
  readonly from: string
  /** Undefined: only `from` itself. */
  readonly to: string | undefined
}

/** The spans of some ranges, in order, without what is in another one of them. */
export const spansOf = (ranges: readonly Range[]): Span[] => {
  const spans = ranges.map((range): Span => {
    if ('record' in range) return { from: toText(range.record), to: undefined }
    const from = toText(range.prefix)
    return { from, to: endOfPrefix(from) }
  })
  // Of those that begin alike the prefix comes first: it has the other one in it.
  spans.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : a.to === undefined ? 1 : -1))
  const kept: Span[] = []
  for (const span of spans) {
    const last = kept.at(-1)
    // Two prefixes are one in the other, or have nothing in common.
    if (last && (span.from === last.from || (last.to !== undefined && span.from < last.to))) continue
    kept.push(span)
  }
  return kept
}

/** Whether a text is in one of the spans that `spansOf` made. */
export const isInSpans = (spans: readonly Span[], text: string): boolean => {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((spans[middle] as Span).from <= text) low = middle + 1
    else high = middle
  }
  const span = spans[low - 1]
  return span !== undefined && (span.to === undefined ? text === span.from : text < span.to)
}
