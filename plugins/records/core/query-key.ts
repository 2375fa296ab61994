import { toBase64 } from './base64.ts'
import { Writer } from './bytes.ts'
import type { Query } from './query.ts'
import { writeValue } from './value-codec.ts'

/** A query as text that only the same one has: JSON takes bytes for objects. @throws Error where a value in it is none */
export const keyOfQuery = ({ where = [], order = [], limit }: Query): string => {
  const out = new Writer()
  writeValue(out, [where, order, limit ?? null])
  return toBase64(out.take())
}
