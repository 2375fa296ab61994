import { json } from '../../parsers/json.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { ws as browserWs } from '../../transformers/ws/client.ts'
import { ws } from '../../transformers/ws/index.ts'
import { overHttp } from '../contract/fixture.ts'
import { transformerContract } from '../contract/transformer.ts'
import { withParsers, withParsersAtLast } from '../support/parsers.ts'
import { StandardWebSocket } from '../support/standard-websocket.ts'

const browser = () => browserWs({ WebSocket: StandardWebSocket })

transformerContract('ws', () => overHttp(ws(), ws()), { parsers: withParsers(json()) })
transformerContract('ws, the browser half', () => overHttp(ws(), browser()), { parsers: withParsersAtLast(msgpack()) })
