import type { Lane } from '../lane.ts'
import type { During, PluginInfo } from '../plugin.ts'
import type { Handshake, Peer } from './peer.ts'
import type { Server } from './server.ts'

/** The server half of a plugin. */
export interface ServerPlugin extends PluginInfo {
  /**
   * True for a plugin that others ask where it is installed, as `permissions` is: it is installed before them, wherever it
   * stands in the list. Default false.
   */
  readonly first?: boolean
  /** What it asks permissions for, so that rules about something else are mistakes. Default: anything. */
  readonly verbs?: readonly string[]
  /** Of a plugin that makes guests of a server: what judges them. It tells the compiler which contexts they have. */
  readonly guests?: (request: Handshake) => unknown
  /**
   * Called once, when the server is made.
   * @returns what is added to the server under the plugin's name, if anything
   */
  server?(server: Server, during: During): object | void
  /**
   * Called for each peer, before the application hears of it.
   * @param lane - connected when the client has the plugin too
   * @returns what is added to the peer under the plugin's name, if anything
   */
  peer?(peer: Peer, lane: Lane, server: Server, during: During): object | void
}

/** In the order in which they are installed: those that others ask before all others. */
export const inOrder = (plugins: readonly ServerPlugin[]): readonly ServerPlugin[] => [
  ...plugins.filter(({ first }) => first),
  ...plugins.filter(({ first }) => !first)
]
