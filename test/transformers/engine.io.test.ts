import { json } from '../../parsers/json.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { raw } from '../../parsers/raw.ts'
import { engineio as browserEngineio } from '../../transformers/engine.io/client.ts'
import { engineio } from '../../transformers/engine.io/index.ts'
import { transformerContract } from '../contract/transformer.ts'
import { overEngine } from '../support/engine.io.ts'
import { withParsers } from '../support/parsers.ts'
import { standardFetch } from '../support/standard-fetch.ts'
import { StandardWebSocket } from '../support/standard-websocket.ts'

const browser = { fetch: standardFetch, WebSocket: StandardWebSocket }

const ways = [
  ['polling', { transports: ['polling'] }, [json()], []],
  ['WebSocket', { transports: ['websocket'] }, [raw()], []],
  ['upgrading', {}, [], [msgpack()]]
] as const

for (const [name, options, node, page] of ways) {
  transformerContract(`engine.io, ${name}`, () => overEngine(engineio(options)), { parsers: withParsers(...node) })
  const half = (): ReturnType<typeof overEngine> => overEngine(browserEngineio({ ...options, ...browser }))
  transformerContract(`engine.io, ${name}, the browser half`, half, { parsers: withParsers(...page) })
}
