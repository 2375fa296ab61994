/** anywire without defaults, for Node. */
import { connect as connectUnchecked } from './lib/client.ts'
import { checkedClient } from './lib/server/check-client.ts'
import { checkConnect } from './lib/server/check-connect.ts'

export * from './core.browser.ts'

/**
 * Connects to a server, as in browsers; what is wrong with the options is told at once.
 * @throws ERR_OPTION, ERR_PLUGIN_NAME, ERR_PLUGIN_NEEDS
 */
export const connect: typeof connectUnchecked = (url, options) => {
  checkConnect(url, options)
  return checkedClient(connectUnchecked(url, options))
}

export * from './lib/failures.ts'
export { httpStatus } from './lib/server/http-status.ts'
export { createServer } from './lib/server/server.ts'
export type * from './lib/server/types.ts'
