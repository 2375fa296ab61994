/** anywire for browsers: `connect` with WebSocket, JSON, reconnect, offline and wires. */
import { offline } from './plugins/offline/client.ts'
import { reconnect } from './plugins/reconnect/client.ts'
import { wires } from './plugins/wires/client.ts'
import { ws } from './transformers/ws/client.ts'
import { withDefaults } from './with-defaults.ts'

export * from './core.browser.ts'
export type * from './defaults.ts'

/**
 * Connects to a server. Without options it speaks JSON over WebSocket, comes back by itself, and keeps what is written
 * meanwhile.
 * @example
 * const client = connect('https://example.com')
 * client.on('data', value => console.log(value))
 * client.write({ hello: 'world' })
 */
export const connect = /* @__PURE__ */ withDefaults({ ws, reconnect, offline, wires })
