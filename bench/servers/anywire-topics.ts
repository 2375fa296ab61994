import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type * as Anywire from '../../index.ts'
import type * as PubSub from '../../plugins/pubsub/index.ts'
import { serve } from '../serve.ts'

const built = new URL('../../dist/', import.meta.url).href
const { createServer } = (await import(`${built}index.js`)) as typeof Anywire
const { pubsub } = (await import(`${built}plugins/pubsub/index.js`)) as typeof PubSub

const http = createHttpServer()
const server = createServer(http, { limits: { connections: Infinity, rate: false }, plugins: [pubsub()] })

http.listen(0, '127.0.0.1', () => {
  serve((http.address() as AddressInfo).port, value => server.pubsub.publish('news.sport.tennis', value))
})
