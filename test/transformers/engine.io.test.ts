import { json } from '../../parsers/json.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { raw } from '../../parsers/raw.ts'
import { engineio as browserEngineio } from '../../transformers/engine.io/client.ts'
import { engineio } from '../../transformers/engine.io/index.ts'
import { transformerContract } from '../contract/transformer.ts'
import { overEngine } from '../support/engine.io.ts'
import { standardFetch } from '../support/standard-fetch.ts'
import { StandardWebSocket } from '../support/standard-websocket.ts'

const browser = { fetch: standardFetch, WebSocket: StandardWebSocket }
const all = [json(), msgpack(), raw()]

// Parsers know nothing of wires: each meets one way here. FULL=1: all of them meet all.
const ways = [
  ['polling', { transports: ['polling'] }, [json()], []],
  ['WebSocket', { transports: ['websocket'] }, [raw()], []],
  ['upgrading', {}, [], [msgpack()]]
] as const

for (const [name, options, node, page] of ways) {
  const full = process.env['FULL'] ? all : undefined
  transformerContract(`engine.io, ${name}`, () => overEngine(engineio(options)), { parsers: full ?? node })
  const half = (): ReturnType<typeof overEngine> => overEngine(browserEngineio({ ...options, ...browser }))
  transformerContract(`engine.io, ${name}, the browser half`, half, { parsers: full ?? page })
}
