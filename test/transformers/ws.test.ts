import { WebSocket } from 'ws'
import { ws as browserWs } from '../../transformers/ws/client.ts'

import { ws } from '../../transformers/ws/index.ts'
import { overHttp } from '../contract/fixture.ts'
import { transformerContract } from '../contract/transformer.ts'

// What `ws` has of the standard's class is all that the browser half uses.
const browser = () => browserWs({ WebSocket: WebSocket as unknown as typeof globalThis.WebSocket })

transformerContract('ws', () => overHttp(ws(), ws()))
transformerContract('ws, the browser half', () => overHttp(ws(), browser()))
