import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { turns } from './faults-wait.ts'

/**
 * Fails each test of a suite after which something had been thrown or rejected that nobody handled, or was printed as an
 * error; unless the test takes what was printed away.
 * @returns what was printed
 */
export const guard = (): string[] => {
  const unhandled: unknown[] = []
  const printed: string[] = []
  const note = (error: unknown): void => void unhandled.push(error)
  const { error } = console
  beforeEach(() => {
    process.on('uncaughtExceptionMonitor', note)
    process.on('unhandledRejection', note)
    console.error = (...args: unknown[]) => void printed.push(args.map(arg => inspect(arg)).join(' '))
  })
  afterEach(async () => {
    await turns()
    process.off('uncaughtExceptionMonitor', note)
    process.off('unhandledRejection', note)
    console.error = error
    assert.deepEqual({ unhandled: unhandled.splice(0), printed: printed.splice(0) }, { unhandled: [], printed: [] })
  })
  return printed
}

/** Has something undone after the test; `first`: before everything else. */
export type Use = (undo: () => unknown, first?: boolean) => void

/** Undoes after each test, the last thing first, what was done in it. */
export const undoing = (): Use => {
  const early: (() => unknown)[] = []
  const undos: (() => unknown)[] = []
  afterEach(async () => {
    for (const undo of [...early.splice(0), ...undos.splice(0).reverse()]) await undo()
  })
  return (undo, first = false) => void (first ? early : undos).push(undo)
}
