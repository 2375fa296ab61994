import type { Client } from './client.ts'
import { AnywireError } from './errors.ts'
import { ERR_OPTION, ERR_PLUGIN_NAME, ERR_PLUGIN_NEEDS } from './failures.ts'
import { isCount } from './handshake.ts'
import type { Lane } from './lane.ts'

/** What both halves of a plugin have. A plugin is a plain object from a factory. */
export interface PluginInfo {
  /** Names the property that the plugin adds, and its lane. Unique on one client or server. */
  readonly name: string
  /** Of what its two halves say to each other. Both ends must have the same one. */
  readonly version: number
  /** True for a plugin that talks to no other half, which then need not be there. Default false. */
  readonly local?: boolean
  /** Plugins that must be installed before this one. */
  readonly needs?: readonly string[]
}

/**
 * For what a plugin needs only while its host is in use: timers, listeners on the outside. `start` is called when the host
 * comes into use, what it returns at the end, the last one first. A server and a peer are in use at once and end once; a
 * client is in use from each `open()` to the `close` that no reconnect follows.
 */
export type During = (start: () => End) => void

/** Ends what a plugin began. A server's `close` waits for what is promised. */
export type End = () => unknown

/** The client half: called once, when the client is made. */
export interface ClientPlugin extends PluginInfo {
  /** @returns what is added to the client under the plugin's name, if anything */
  client?(client: Client, lane: Lane, during: During): object | void
}

type Result<T> = T extends (...args: never[]) => infer R ? Exclude<R, void | undefined> : never

/** What a tuple of plugins adds with the hook `H`: one property for each that returns one. */
export type Installed<P extends readonly PluginInfo[], H extends 'client' | 'server' | 'peer'> = {
  readonly [
    K in P[number] as H extends keyof K ? ([Result<K[H]>] extends [never] ? never : K['name']) : never
  ]: H extends keyof K ? Result<K[H]> : never
}

type Problem<H extends PluginInfo, Seen extends string> = H['name'] extends Seen
  ? `the plugin '${H['name']}' is there twice`
  : H['needs'] extends readonly string[]
    ? {
        [N in H['needs'][number]]: N extends Seen ? never : `the plugin '${H['name']}' needs '${N}' before it`
      }[H['needs'][number]]
    : never

/** The tuple itself, with a message in the place of each plugin that cannot be installed there. */
export type Checked<P extends readonly PluginInfo[], Seen extends string = never> = P extends readonly [
  infer H extends PluginInfo,
  ...infer R extends readonly PluginInfo[]
]
  ? readonly [[Problem<H, Seen>] extends [never] ? H : Problem<H, Seen>, ...Checked<R, Seen | H['name']>]
  : P

/** The tuple itself, with a message in the place of each plugin that only servers have. */
export type ForClients<P extends readonly PluginInfo[]> = {
  [K in keyof P]: P[K] extends { readonly client: unknown }
    ? P[K]
    : P[K] extends { readonly server: unknown } | { readonly peer: unknown }
      ? `the plugin '${P[K]['name']}' is for servers`
      : P[K]
}

/**
 * Installs plugins in order onto `host`: calls `hook` for each and adds what it returns under the plugin's name.
 * @throws ERR_OPTION for what is no plugin; ERR_PLUGIN_NAME when a name is taken; ERR_PLUGIN_NEEDS when a needed plugin is not there before
 */
export const install = <P extends PluginInfo>(
  host: object,
  plugins: readonly P[],
  hook: (plugin: P) => object | void
): void => {
  const before: string[] = []
  for (const plugin of plugins) {
    const { name, version, needs = [] } = plugin
    // A factory that was not called has a name too.
    if (!isCount(version)) throw new AnywireError(ERR_OPTION, `'${name}' is no plugin`)
    const missing = needs.find(need => !before.includes(need))
    if (missing) throw new AnywireError(ERR_PLUGIN_NEEDS, `'${name}' needs '${missing}'`)
    if (name in host || before.includes(name)) throw new AnywireError(ERR_PLUGIN_NAME, `'${name}'`)
    before.push(name)
    const value = hook(plugin)
    if (value) Object.defineProperty(host, name, { value, enumerable: true })
  }
}

/**
 * Ends what plugins began, or has them finish it, the last first. One that fails is told, and keeps the others from nothing.
 * @returns resolves when all of it has ended
 */
export const undoAll = (undos: readonly End[], failed: (error: unknown, event: string) => void): Promise<unknown> =>
  Promise.all(
    undos.toReversed().map(async undo => {
      try {
        await undo()
      } catch (error) {
        failed(error, 'undo')
      }
    })
  )
