/* What another backend says and asks, in one request. node --import tsx examples/http.ts */
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'anywire'
import { http } from 'anywire/plugins/http'
import { permissions } from 'anywire/plugins/permissions'
import { pubsub } from 'anywire/plugins/pubsub'
import { rpc } from 'anywire/plugins/rpc'

const KEY = 'a long key that nobody guesses'

interface Context {
  readonly app: string
}

const web = createHttpServer((_request, response) => response.end('The application, as ever'))
const server = createServer(web, {
  authenticate: (): Context => ({ app: 'page' }),
  plugins: [
    permissions<Context>({
      pubsub: { subscribe: true, publish: { 'orders.*': ({ context }) => context.app === 'shop' } },
      rpc: { call: { stock: true } }
    }),
    pubsub(),
    rpc({ stock: (article: string) => ({ article, left: article.length }) }),
    http<Context>({ authenticate: ({ headers }) => headers.authorization === `Bearer ${KEY}` && { app: 'shop' } })
  ]
})
await new Promise<void>(resolve => void web.listen(0, resolve))
const { port } = web.address() as AddressInfo
const url = `http://localhost:${port}`

const page = connect(url, { plugins: [pubsub()] })
const heard = new Promise<void>(resolve => {
  void page.pubsub.subscribe('orders.*', (value, { topic }) => {
    console.log('a page hears', topic, value)
    resolve()
  })
})
await page.pubsub.subscribe('orders.7', () => {})

const post = async (items: unknown, key = KEY): Promise<void> => {
  const answer = await fetch(`${url}/anywire/api`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, connection: 'close' },
    body: JSON.stringify(items)
  })
  console.log(answer.status, JSON.stringify(await answer.json()))
}
await post([
  { publish: 'orders.7', value: { paid: true } },
  { publish: 'secrets', value: 'x' },
  { call: 'stock', args: ['pear'] },
  { call: 'nothing' }
])
await heard
await post([], 'a guess')

page.end()
await server.close()
web.close()
