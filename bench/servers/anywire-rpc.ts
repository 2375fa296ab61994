import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type * as Anywire from '../../index.ts'
import type * as Rpc from '../../plugins/rpc/index.ts'
import { serve } from '../serve.ts'

const built = new URL('../../dist/', import.meta.url).href
const { createServer } = (await import(`${built}index.js`)) as typeof Anywire
const { rpc } = (await import(`${built}plugins/rpc/index.js`)) as typeof Rpc

const http = createHttpServer()
createServer(http, {
  limits: { connections: Infinity, rate: false },
  plugins: [rpc({ echo: (value: object) => value })]
})

http.listen(0, '127.0.0.1', () => {
  serve((http.address() as AddressInfo).port, () => {
    throw new Error('anywire-rpc is only called')
  })
})
