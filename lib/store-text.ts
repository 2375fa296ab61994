/*
 * Names as databases keep them. Databases order text by its UTF-8 bytes, which is the order of code points; the contract of
 * stores asks for that of UTF-16 units, and for lone surrogates, which UTF-8 has not. So a surrogate is written as two
 * characters, of which the first one stands where surrogates stand among the units: behind U+D7FF. That one, and the last one
 * of all, which is kept for the ends of prefixes, are written as two as well. All others stay as they are.
 */
const RARE = /[\ud800-\udfff\ue000\ue001\ufffe\uffff]/g
const PAIRS = /([\ue000\ue001\ufffe])(.)/gs

const SURROGATE = '\ue000'
/** U+D800 becomes U+0001 behind the mark, U+DFFF becomes U+0800. */
const SHIFT = 0xd7ff

const OTHERS: Readonly<Record<string, string>> = {
  '\ue000': '\ue001\u0001',
  '\ue001': '\ue001\u0002',
  '\ufffe': '\ufffe\u0001',
  '\uffff': '\ufffe\u0002'
}
const BACK = new Map(Object.entries(OTHERS).map(([unit, pair]) => [pair, unit]))

/** A name, so that the order of bytes is that of the units, and what begins alike begins alike. */
export const toText = (name: string): string =>
  name.replace(RARE, unit => OTHERS[unit] ?? SURROGATE + String.fromCharCode(unit.charCodeAt(0) - SHIFT))

/** The name that a text stands for. */
export const fromText = (text: string): string =>
  text.replace(PAIRS, (pair, mark: string, unit: string) =>
    mark === SURROGATE ? String.fromCharCode(unit.charCodeAt(0) + SHIFT) : (BACK.get(pair) ?? '')
  )

/** What is behind every text that begins with this one, and before all others that come after it. */
export const endOfPrefix = (text: string): string => `${text}\uffff`
