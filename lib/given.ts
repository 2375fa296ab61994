/** Options as they are given: undefined was not given. */
export type Given<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** The same with their defaults. */
export type Filled<T> = { [K in keyof T]-?: Exclude<T[K], undefined> }

/** The defaults, and over them what was given. */
export const fill = <T extends object>(defaults: T, given: Given<T> = {}): T => ({
  ...defaults,
  ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
})
