/* Calls in both directions, typed by the server's handlers. node --import tsx examples/rpc.ts */
import { connect, createServer } from 'anywire'
import { rpc, RpcError } from 'anywire/plugins/rpc'

/** What browsers answer. */
const page = { confirm: (question: string) => question.endsWith('?') }

/** What servers answer. */
const api = {
  add: (a: number, b: number) => a + b,
  account: {
    withdraw: (amount: number) => {
      if (amount > 3) throw new RpcError('NO_FUNDS', 'There is not enough', { balance: 3 })
      return 3 - amount
    }
  },
  async *countdown(from: number) {
    for (let left = from; left > 0; left--) yield left
  }
}

const server = createServer({ port: 0, plugins: [rpc<typeof page, typeof api>(api)] })
const port = await new Promise(resolve =>
  server.on('listening', address => resolve(typeof address === 'object' && address?.port))
)
const url = `http://localhost:${String(port)}`
const confirmed = new Promise(resolve =>
  server.once('connection', async peer => resolve(await peer.rpc.confirm('Really?')))
)

const client = connect(url, { plugins: [rpc<typeof server>(page)] })
console.log('1 + 2 =', await client.rpc.add(1, 2))
for await (const left of client.rpc.countdown(3)) console.log(left)
const failure = await client.rpc.account.withdraw(5).catch((error: RpcError) => error)
if (failure instanceof RpcError) console.log(failure.code, failure.data)
console.log('confirmed:', await confirmed)

// A service that clients provide: whoever rejects a call has it passed on.
const worker = connect(url, { plugins: [rpc()] })
await worker.rpc.provide('double', (value: number, { reject }) => (value < 100 ? value * 2 : reject()))
const double = client.rpc.service<(value: number) => Promise<number>>('double')
console.log('by a worker:', await double(21))
console.log('asked by the server:', await server.rpc.service<typeof double>('double')(4))
console.log('too much:', await double(1_000).catch((error: RpcError) => error.code))

client.end()
worker.end()
await server.close()
