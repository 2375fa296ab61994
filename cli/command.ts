import { AnywireError } from '../lib/errors.ts'
import { ERR_OPTION } from '../lib/failures.ts'
import type { Streams } from './streams.ts'

/** One of the things that the command line does. */
export interface Command {
  /** What `--help` prints. */
  readonly help: string
  /**
   * @returns the exit code
   * @throws ERR_OPTION, and what `parseArgs` throws, for a call that makes no sense
   */
  run(args: string[], streams: Streams): Promise<number>
}

/** Exit codes: done; refused or failed; not understood. */
export const DONE = 0
export const FAILED = 1
export const MISUSED = 2

/** A call that makes no sense. */
export const misuse = (hint: string, cause?: unknown): AnywireError => new AnywireError(ERR_OPTION, hint, cause)

/** Reads the number that an option has. */
export const parseNumber = (option: string, text: string, max: number): number => {
  if (/^\d{1,9}$/.test(text) && Number(text) <= max) return Number(text)
  throw misuse(`--${option} takes a number from 0 to ${max}, and got '${text}'`)
}

/** Takes one of the values that an option can have. */
export const choose = <T>(option: string, name: string, choices: Readonly<Record<string, T>>): T => {
  const choice = Object.hasOwn(choices, name) ? choices[name] : undefined
  if (choice !== undefined) return choice
  throw misuse(`--${option} can be ${Object.keys(choices).join(', ')}, and not '${name}'`)
}
