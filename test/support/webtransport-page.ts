// What runs in the browser, bundled.
import { connect } from '../../core.browser.ts'
import type { Client } from '../../core.browser.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { webtransport } from '../../transformers/webtransport/client.ts'
import type { Order } from './moq-server.ts'

let client: Client
let session: WebTransport

class Watched extends WebTransport {
  constructor(url: string, options?: WebTransportOptions) {
    super(url, options)
    session = this
  }
}

export const start = (port: number, hash: readonly number[]): void => {
  const serverCertificateHashes = [{ algorithm: 'sha-256', value: Uint8Array.from(hash) } as const]
  const transformers = [webtransport({ port, serverCertificateHashes, WebTransport: Watched })]
  // A busy machine may take longer than ten seconds to have both ends meet.
  client = connect('http://127.0.0.1/?page=1', { transformers, parser: msgpack(), timeout: 50_000 })
}

/** The next values of the server. */
const take = (count: number): Promise<unknown[]> =>
  new Promise((resolve, reject) => {
    const values: unknown[] = []
    client.once('close', ({ code, reason }) => reject(new Error(`${code} ${reason}`)))
    const undo = client.on('data', value => {
      if (values.push(value) < count) return
      undo()
      resolve(values)
    })
  })

export const order = (count: number, orders: readonly Order[]): Promise<unknown[]> => {
  const received = take(count)
  for (const one of orders) client.write(one)
  return received
}

/** How large a datagram may be. */
export const room = (): number => session.datagrams.maxDatagramSize

/** Has bytes echoed: how many came back, and whether they are those that left. */
export const echoBytes = async (sizes: readonly number[]): Promise<unknown[]> => {
  const values = sizes.map(size => Uint8Array.from({ length: size }, (_, index) => index))
  const echoes = await order(
    sizes.length,
    values.map(value => ({ order: 'echo', value }))
  )
  return echoes.map(
    echo => echo instanceof Uint8Array && [echo.length, echo.every((byte, index) => byte === (index & 255))]
  )
}

/** How long the bytes are that an order brings. */
export const lengths = async (count: number, one: Order): Promise<unknown[]> =>
  (await order(count, [one])).map(value => value instanceof Uint8Array && value.length)

/** Asks for echoes by datagrams, and waits for one. */
export const sendDatagrams = (count: number): Promise<void> =>
  new Promise(resolve => {
    client.on('data', value => {
      if (value === 'datagram') resolve()
    })
    for (let index = 0; index < count; index++) client.write({ order: 'echo', value: 'datagram' }, { reliable: false })
  })

const hasDatagrams = (value: unknown): value is { readonly datagrams: number } =>
  typeof value === 'object' && value !== null && 'datagrams' in value

/** How many datagrams the server received. Other values may come before the answer. */
export const datagrams = (): Promise<number> =>
  new Promise(resolve => {
    client.on('data', value => {
      if (hasDatagrams(value)) resolve(value.datagrams)
    })
    client.write({ order: 'facts' })
  })

/** Has the server send much and end: how much came, and the end. */
export const floodAndEnd = (count: number): Promise<[count: number, code: number, reason: string]> =>
  new Promise(resolve => {
    let received = 0
    client.on('data', () => received++)
    client.once('close', ({ code, reason }) => {
      void session.closed.then(() => resolve([received, code, reason]))
    })
    client.write({ order: 'flood', count })
    client.write({ order: 'end' })
  })

/** Ends the connection, once it is there, and waits for the session to be closed. */
export const end = async (): Promise<void> => {
  await order(1, [{ order: 'facts' }])
  client.end(4002, 'the page has enough')
  await session.closed
}
