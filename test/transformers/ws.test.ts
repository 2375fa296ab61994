import { WebSocket } from 'ws'
import { json } from '../../parsers/json.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { raw } from '../../parsers/raw.ts'
import { ws as browserWs } from '../../transformers/ws/client.ts'
import { ws } from '../../transformers/ws/index.ts'
import { overHttp } from '../contract/fixture.ts'
import { transformerContract } from '../contract/transformer.ts'

const parsers = [json(), msgpack(), raw()]

// What the browser half uses of the standard's class, the one of `ws` has too.
const browser = () => browserWs({ WebSocket: WebSocket as unknown as typeof globalThis.WebSocket })

transformerContract('ws', () => overHttp(ws(), ws()), { parsers })
transformerContract('ws, the browser half', () => overHttp(ws(), browser()), { parsers })
