/*
 * Which contexts there are on a server, and which ones its plugins expect, as far as the compiler can know.
 */
import type { Peer } from './peer.ts'
import type { ServerPlugin } from './plugin.ts'

type Returned<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never

/**
 * The context of peers: what `authenticate` returns for whoever it lets in. Of such a function, or of a server.
 * @example
 * type Context = ContextOf<typeof authenticate>
 */
export type ContextOf<T> = T extends { readonly peers: Iterable<infer P> }
  ? P extends Peer<infer C>
    ? C
    : never
  : Exclude<Returned<T>, Error | false | null | undefined>

/** The contexts of the guests that plugins make. */
type GuestsOf<P extends readonly ServerPlugin[]> = {
  [K in keyof P]: P[K] extends { readonly guests: infer F } ? ContextOf<F> : never
}[number]

/** What a hook expects as the context of its peer, or of the peers of its server. */
type Expected<Hook> = Hook extends (host: infer H, ...rest: never[]) => unknown
  ? H extends { readonly peers: Iterable<{ readonly context: infer C }> }
    ? C
    : H extends { readonly context: infer C }
      ? C
      : unknown
  : unknown

type Suits<H extends ServerPlugin, C> = [C] extends [Expected<H['server']> & Expected<H['peer']>] ? true : false

/**
 * The tuple itself, with a message in the place of each plugin that expects another context. It says nothing of undefined,
 * which the context is as long as the compiler has not come to `authenticate`: that is for `Judging`.
 */
export type Fitting<P extends readonly ServerPlugin[], C> = [C] extends [undefined]
  ? P
  : {
      [K in keyof P]: Suits<P[K], C | GuestsOf<P>> extends true
        ? P[K]
        : `the plugin '${P[K]['name']}' expects another context than 'authenticate' returns`
    }

/** What suits all plugins. */
type ExpectedBy<P extends readonly ServerPlugin[]> = {
  [K in keyof P]: (context: Expected<P[K]['server']> & Expected<P[K]['peer']>) => void
}[number] extends (context: infer C) => void
  ? C
  : unknown

/** Its name is what the compiler tells, with the context. */
interface PluginsExpectContext<Context> {
  readonly authenticate: object
  /** Never there. */
  readonly '~expected'?: Context
}

/** What the options need, where a plugin expects a context: an `authenticate`. */
export type Judging<P extends readonly ServerPlugin[]> = false extends {
  [K in keyof P]: Suits<P[K], undefined | GuestsOf<P>>
}[number]
  ? PluginsExpectContext<ExpectedBy<P>>
  : unknown
