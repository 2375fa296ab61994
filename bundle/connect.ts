import type { Client, ClientOptions, Each } from '../lib/client.ts'
import type { Given } from '../lib/given.ts'
import type { Checked, ClientPlugin, ForClients, Installed } from '../lib/plugin.ts'

/** The factories of a bundle's plugins, by the names of the options that configure them. */
type Factories = Readonly<Record<string, (...options: never[]) => ClientPlugin>>

type OptionsOf<F extends Factories> = {
  /** Its options; false: without it; true: as without a word. */
  readonly [K in keyof F]?: Parameters<F[K]>[0] | boolean | undefined
} & {
  /** Beside those of the client itself. */
  readonly [K in keyof ClientOptions]?: unknown
}

/** Those plugins of a bundle that the options leave on in any case. */
type Left<F extends Factories, O> = {
  [K in keyof F]: K extends keyof O ? (Extract<O[K], false> extends never ? F[K] : never) : F[K]
}[keyof F]

interface BundleOptions<P extends readonly ClientPlugin[], Seen extends string> extends Given<
  Omit<ClientOptions, 'plugins'>
> {
  /** Installed in order, behind those of the bundle. */
  readonly plugins?: (P & Checked<P, Seen> & ForClients<P>) | undefined
}

/**
 * The `connect` of a bundle, as the declarations say that are written beside it.
 * @example
 * declare const connect: BundleConnect<{ readonly reconnect: typeof reconnect; readonly offline: typeof offline }>
 */
export type BundleConnect<F extends Factories> = <
  const P extends readonly ClientPlugin[] = readonly [],
  const O extends OptionsOf<F> = {}
>(
  url: Each<string | URL>,
  options?: BundleOptions<P, ReturnType<Left<F, O>>['name']> & {
    readonly [K in keyof O]: K extends keyof F | keyof ClientOptions ? O[K] : never
  }
) => Client & Installed<readonly ReturnType<Left<F, O>>[], 'client'> & Installed<P, 'client'>
