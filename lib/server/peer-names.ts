import { AnywireError } from '../errors.ts'
import { ERR_PLUGIN_NAME } from '../failures.ts'
import type { PluginInfo } from '../plugin.ts'
import { PeerEndpoint } from './peer-endpoint.ts'

/** What each peer has as properties of its own. */
const OWN: ReadonlySet<string> = new Set([
  'state',
  'wire',
  'limits',
  'ticket',
  'remoteLimit',
  'ending',
  'said',
  'unread',
  'wantsDrain',
  'id',
  'transformer',
  'parser',
  'lanes',
  'reach',
  'outlet',
  'isClosed',
  'outbox',
  'context',
  'plain',
  'rate',
  'order'
])

/**
 * Looks whether plugins can be installed on peers, before there is one.
 * @throws ERR_PLUGIN_NAME
 */
export const checkNames = (plugins: readonly PluginInfo[]): void => {
  const taken = plugins.find(({ name }) => OWN.has(name) || name in PeerEndpoint.prototype)
  if (taken) throw new AnywireError(ERR_PLUGIN_NAME, `peers have a '${taken.name}' of their own`)
}
