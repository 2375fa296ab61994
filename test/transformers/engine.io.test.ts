import { json } from '../../parsers/json.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { raw } from '../../parsers/raw.ts'
import { engineio as browserEngineio } from '../../transformers/engine.io/client.ts'
import { engineio } from '../../transformers/engine.io/index.ts'
import { transformerContract } from '../contract/transformer.ts'
import { overEngine } from '../support/engine.io.ts'
import { standardFetch } from '../support/standard-fetch.ts'
import { StandardWebSocket } from '../support/standard-websocket.ts'

const parsers = [json(), msgpack(), raw()]

const ways = [
  ['polling', { transports: ['polling'] }],
  ['WebSocket', { transports: ['websocket'] }],
  ['upgrading', {}]
] as const

for (const [name, options] of ways) {
  transformerContract(`engine.io, ${name}`, () => overEngine(engineio(options)), { parsers })
  transformerContract(
    `engine.io, ${name}, the browser half`,
    () => overEngine(browserEngineio({ ...options, fetch: standardFetch, WebSocket: StandardWebSocket })),
    { parsers }
  )
}
