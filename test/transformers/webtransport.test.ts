import { json } from '../../parsers/json.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { raw } from '../../parsers/raw.ts'
import { transformerContract } from '../contract/transformer.ts'
import { overHttp2 } from '../support/webtransport.ts'

transformerContract('webtransport over HTTP/2', overHttp2, { parsers: [json(), msgpack(), raw()] })
