/**
 * A URL; undefined for what is none. Not by `URL.canParse`: that of Node 20 and 22 takes letters of other languages for none, once it is
 * optimized.
 */
export const parseUrl = (text: string): URL | undefined => {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}
