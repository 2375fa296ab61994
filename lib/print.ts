import type { AnywireError } from './errors.ts'

/** An error that nobody listens for is not lost: it is printed. */
export const print = (error: unknown): void => console.error(error)

/** One line for what nobody listens for, where a stack would lead to no line of the application. */
export const printLine = ({ code, message }: AnywireError, what = ''): void =>
  print(`anywire: ${code} ${what}${message}`)
