import assert from 'node:assert/strict'
import { retryable } from '../../lib/errors.ts'
import * as failures from '../../lib/failures.ts'
import { read } from './support/pages.ts'

/** An entry: its heading, and the line behind it. */
interface Entry {
  readonly code: string
  readonly status: number
  readonly retry: boolean | undefined
}

/** What docs/errors.md says: `## ERR_CODE`, and then `Close code 3000, connects again.` or `Stays local.` */
const entries = (): Entry[] =>
  [...read('docs/errors.md').matchAll(/^#+ (ERR_\w+)\n+(.*)$/gm)].map(([, code = '', line = '']) => {
    const [, status, retry] = /^Close code (\d+), (connects again|does not connect again)\./.exec(line) ?? []
    if (status === undefined) assert.match(line, /^Stays local\./, code)
    return { code, status: Number(status ?? 0), retry: retry === undefined ? undefined : retry === 'connects again' }
  })

describe('docs/errors.md', () => {
  it('has an entry for each failure, and no other', () => {
    const documented = entries().map(({ code, status }) => `${code} ${status}`)
    const existing = Object.values(failures).map(([code, status]) => `${code} ${status}`)
    assert.deepEqual(documented.toSorted(), existing.toSorted())
  })

  it('says of each close code whether connecting again makes sense', () => {
    for (const { code, status, retry } of entries()) {
      if (status > 0) assert.equal(retry, retryable(status), code)
    }
  })
})
