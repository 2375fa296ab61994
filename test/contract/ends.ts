import assert from 'node:assert/strict'
import type { Connection } from '../../lib/connection.ts'
import { AnywireError } from '../../lib/errors.ts'
import type { ErrorCode } from '../../lib/errors.ts'
import type { Pair, Stage, StageTest } from './stage.ts'
import { take } from './waiting.ts'

/** What is done at one end of a connection, and seen at the other. */
export type EitherEnd = (
  title: string,
  run: (from: Connection, to: Connection, stage: Stage, pair: Pair) => Promise<void>
) => void

/** Makes what registers the same test twice: with the client, and with the server, as the end that acts. */
export const eitherEnd =
  (test: StageTest): EitherEnd =>
  (title, run) => {
    test(`${title}: client`, async stage => {
      const pair = await stage.pair()
      await run(pair.client, pair.peer, stage, pair)
    })
    test(`${title}: server`, async stage => {
      const pair = await stage.pair()
      await run(pair.peer, pair.client, stage, pair)
    })
  }

export const numbers = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, index) => `value ${from + index}`)

/** Writes values at one end, and looks that they come out at the other. */
export const pass = async (from: Connection, to: Connection, values: readonly unknown[]): Promise<void> => {
  const received = take(to, values.length)
  for (const value of values) from.write(value)
  assert.deepEqual(await received, values)
}

export const throwsCode = (act: () => unknown, code: ErrorCode): void => {
  assert.throws(act, error => error instanceof AnywireError && error.code === code)
}
