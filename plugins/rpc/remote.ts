import type { AnyFunction, Router } from './router.ts'

export interface CallOptions {
  /** Milliseconds until the answer; for a stream until it begins. Infinity: without end. Default: the plugin's `timeout`. */
  readonly timeout?: number | undefined
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined
  /** Idempotency key, unguessable: of the calls with the same one, a server runs the first. */
  readonly key?: string | undefined
}

/** Cannot travel, and so stands for the call that a handler gets. */
type OfCall = { readonly signal: AbortSignal } | { readonly peer: { readonly state: string } }

type IsAny<T> = 0 extends 1 & T ? true : false

export type IsCall<T> = IsAny<T> extends true ? false : [Exclude<T, undefined>] extends [OfCall] ? true : false

/** Arguments at the end that may be undefined may be left out. */
type Omissible<A extends readonly unknown[]> = A extends readonly [...infer Before, infer Last]
  ? undefined extends Last
    ? A extends readonly [...Before, ...infer Named]
      ? [...Omissible<Before>, ...Partial<Named>]
      : never
    : A
  : A

/** The arguments that travel. Without a call behind them none can be left out: the call would stand in its place. */
type Sent<A extends readonly unknown[]> = A extends readonly [...infer Before, infer Last]
  ? IsCall<Last> extends true
    ? Omissible<Before>
    : A
  : A extends readonly [...infer Before, (infer Last)?]
    ? IsCall<Last> extends true
      ? Omissible<Before>
      : A
    : A

/** What asynchronous generators make, and others. */
export type Items<T> = AsyncIterable<T> | (Iterable<T> & { readonly next: unknown })

type Answer<T> =
  IsAny<T> extends true
    ? Promise<unknown>
    : [T] extends [never]
      ? Promise<never>
      : [T] extends [Items<infer Item>]
        ? AsyncIterable<Item>
        : Promise<T>

/** A handler, as it is called from the other end. */
export type Method<F> = F extends (...args: infer A) => infer R
  ? (...args: Sent<A>) => Answer<Awaited<R>>
  : (...args: unknown[]) => Promise<unknown> & AsyncIterable<unknown>

/** Handlers of the other end. */
export type Remote<R> = {
  readonly [K in keyof R]: R[K] extends AnyFunction ? Method<R[K]> : Remote<R[K]>
}

/** The other end, where nobody says what it has. */
export interface Loose {
  (...args: unknown[]): Promise<unknown> & AsyncIterable<unknown>
  readonly [name: string]: Loose
}

/** The router of `typeof server`, or of `typeof router`. */
type RouterOf<T> = T extends { readonly rpc: { readonly router: infer R } } ? R : T

export type RemoteOf<T> = unknown extends T
  ? { readonly [name: string]: Loose }
  : Router extends RouterOf<T>
    ? { readonly [name: string]: Loose }
    : Remote<RouterOf<T>>

/** What makes functions of names: `own` has those that are there already. */
export const remote = (
  invoke: (name: string, args: unknown[]) => unknown,
  path = '',
  own: Readonly<Record<string, unknown>> = {}
): object => {
  // Neither a promise nor anything else that the language looks for: whoever writes a connection to a log makes no calls.
  const known = new Map<unknown, unknown>([
    ['then', undefined],
    ['toJSON', undefined],
    ['toString', () => path],
    ['valueOf', undefined],
    ...Object.entries(own)
  ])
  return new Proxy(() => {}, {
    apply: (_target, _this, args: unknown[]) => invoke(path, args),
    get(_target, name) {
      if (typeof name === 'string' && !known.has(name)) known.set(name, remote(invoke, path ? `${path}.${name}` : name))
      return known.get(name)
    }
  })
}
