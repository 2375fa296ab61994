import { json } from '../../parsers/json.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { raw } from '../../parsers/raw.ts'
import { engineio as browserEngineio } from '../../transformers/engine.io/client.ts'
import { engineio } from '../../transformers/engine.io/index.ts'
import type { EngineOptions } from '../../transformers/engine.io/index.ts'
import type { Parser } from '../../core.ts'
import { transformerContract } from '../contract/transformer.ts'
import { overEngine } from '../support/engine.io.ts'
import { isThorough } from '../support/faults-seed.ts'
import { withParsers, withParsersAtLast } from '../support/parsers.ts'
import { standardFetch } from '../support/standard-fetch.ts'
import { StandardWebSocket } from '../support/standard-websocket.ts'

const browser = { fetch: standardFetch, WebSocket: StandardWebSocket }

const WAYS = {
  polling: { transports: ['polling'] },
  WebSocket: { transports: ['websocket'] },
  upgrading: {}
} as const satisfies Record<string, EngineOptions>

type Way = keyof typeof WAYS

const inNode = (way: Way, parsers: readonly Parser[]): void =>
  transformerContract(`engine.io, ${way}`, () => overEngine(engineio(WAYS[way])), { parsers })

const inBrowsers = (way: Way, parsers: readonly Parser[]): void => {
  const half = (): ReturnType<typeof overEngine> => overEngine(browserEngineio({ ...WAYS[way], ...browser }))
  transformerContract(`engine.io, ${way}, the browser half`, half, { parsers })
}

inNode('polling', withParsers(json()))
inNode('WebSocket', withParsersAtLast(raw()))
// By polls, and then by a WebSocket.
inBrowsers('upgrading', withParsers(msgpack()))

if (isThorough) {
  inNode('upgrading', withParsers())
  inBrowsers('polling', withParsers())
  inBrowsers('WebSocket', withParsers())
}
