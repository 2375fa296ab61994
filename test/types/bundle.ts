// What a bundle's declarations promise.
import { rpc } from 'anywire/plugins/rpc'
import { pubsub } from 'anywire/plugins/pubsub'
import type { offline } from 'anywire/plugins/offline'
import type { reconnect } from 'anywire/plugins/reconnect'
import type { BundleConnect } from 'anywire/bundle'
import { json } from 'anywire/parsers/json'

declare const connect: BundleConnect<{
  readonly reconnect: typeof reconnect
  readonly offline: typeof offline
  readonly pubsub: typeof pubsub
  readonly rpc: typeof rpc
}>

const client = connect('https://example.com')
client.reconnect.now()
client.pubsub.publish('news', 1)
const online: boolean = client.offline.online

const api = { add: (a: number, b: number) => a + b }
const other = connect('/', { offline: false, rpc: false, reconnect: { max: 5_000 }, plugins: [rpc<typeof api>()] })
export const sum: Promise<number> = other.rpc.add(1, 2)
// @ts-expect-error: it was switched off
void other.offline
other.reconnect.now()
declare const wanted: boolean
// @ts-expect-error: it may be switched off
void connect('/', { offline: wanted ? { bytes: 5 } : false }).offline
void connect('/', { offline: wanted ? {} : undefined }).offline.online
void connect('/', { offline: true }).offline.online
// @ts-expect-error: it may be switched off
void connect('/', { offline: wanted }).offline

export const configured = connect(() => '/', { parser: json({ depth: 8 }), auth: 'token', open: false, rpc: api })

// @ts-expect-error: there is no such option
connect('/', { reconect: { max: 5_000 } })
// @ts-expect-error: nor such an option of a plugin
connect('/', { reconnect: { maximum: 5_000 } })
// @ts-expect-error: it is there already
connect('/', { plugins: [pubsub()] })

export { online }
