import { AnywireError } from './errors.ts'
import { ERR_OPTION, ERR_TOO_LARGE } from './failures.ts'
import { isCode } from './handshake.ts'
import type { Goodbye } from './handshake.ts'
import type { Data } from './transformer.ts'

/** The goodbye of an application. Throws ERR_OPTION for a code that is not its to say. */
export const checkEnd = (code = 1000, reason = ''): Goodbye => {
  if (isCode(code, 4000)) return [code, reason, 0]
  throw new AnywireError(ERR_OPTION, `the code ${code}`)
}

/** Refuses what the other end would refuse; only for text that may be too long its bytes are counted. */
export const checkSize = (data: Data, limit: number): void => {
  if (data.length * 3 <= limit) return
  const { size } = new Blob([data as string])
  if (size > limit) throw new AnywireError(ERR_TOO_LARGE, `${size} of ${limit} bytes`)
}
