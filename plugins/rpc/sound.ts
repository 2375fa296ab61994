import type { IsCall } from './remote.ts'
import type { AnyFunction } from './router.ts'

/*
 * The call stands behind the arguments, and so their number must be known: what a caller leaves out of `(text, limit?)`
 * would be the call. The types say so, where a handler is written.
 */

type Uncounted =
  'no optional, default or rest parameters: write `limit: number | undefined, call: Call`, or method({ input })'

type IsFixed<A extends readonly unknown[]> = number extends A['length'] ? false : A extends Required<A> ? true : false

/** The call may be optional, and stand behind any number of arguments. */
type IsCounted<A extends readonly unknown[]> = A extends readonly [...unknown[], infer Last]
  ? IsCall<Last> extends true
    ? true
    : IsFixed<A>
  : A extends readonly [...infer Before, (infer Last)?]
    ? IsCall<Last> extends true
      ? IsFixed<Before>
      : IsFixed<A>
    : IsFixed<A>

/** Unknown for a handler that can be called; for another one what is wrong with it. */
export type SoundHandler<F> = F extends (...args: infer A) => unknown
  ? IsCounted<A> extends true
    ? unknown
    : Uncounted
  : unknown

type Unsound<R> = {
  [K in keyof R]: R[K] extends AnyFunction
    ? unknown extends SoundHandler<R[K]>
      ? never
      : K
    : [Unsound<R[K]>] extends [never]
      ? never
      : K
}[keyof R]

/** The same of all handlers of a router. Of names that nobody knows nothing is said. */
export type Sound<R> = string extends keyof R
  ? unknown
  : {
      readonly [K in Unsound<R>]: R[K] extends AnyFunction ? SoundHandler<R[K]> : Sound<R[K]>
    }
