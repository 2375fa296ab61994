import type { Each } from './client.ts'

/** The value for an attempt. A function is never the value itself: what is told to a server is data. */
export const each = async <T>(value: Each<T>): Promise<T> =>
  typeof value === 'function' ? (value as () => T | Promise<T>)() : value
