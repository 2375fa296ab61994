/** What Node's `console.log` looks for in an object: how it is to be shown. */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom')

/** Node's own, as it passes it. */
export type Inspect = (value: object, options: object) => string

/** What whoever prints an object wants to know, instead of all that it consists of. */
export const show = (name: string, what: object, options: object, inspect: Inspect): string =>
  `${name} ${inspect(what, options)}`
