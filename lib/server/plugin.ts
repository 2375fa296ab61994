import type { Lane } from '../lane.ts'
import type { During, PluginInfo } from '../plugin.ts'
import type { Peer } from './peer.ts'
import type { Server } from './server.ts'

/** The server half of a plugin. */
export interface ServerPlugin extends PluginInfo {
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
