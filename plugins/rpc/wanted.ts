import type { AnyFunction } from './router.ts'

/*
 * Handlers may say which context their callers have: `{ peer }: Call<Peer<User>>`. What all of them say together is what
 * the server must give its peers.
 */

type OfLast<A extends readonly unknown[]> =
  Required<A> extends readonly [...unknown[], { readonly peer: { readonly context: infer C } }] ? C : unknown

type Handled<F> = F extends (...args: infer A) => unknown ? OfLast<A> : unknown

/** The context that suits all handlers of a router. */
export type Wanted<R> = string extends keyof R
  ? unknown
  : {
        [K in keyof R]: (context: R[K] extends AnyFunction ? Handled<R[K]> : Wanted<R[K]>) => void
      }[keyof R] extends (context: infer C) => void
    ? C
    : unknown
