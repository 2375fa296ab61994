/* Who is in a room, however many tabs they have. node --import tsx examples/presence.ts */
import { connect, createServer } from 'anywire'
import { presence } from 'anywire/plugins/presence'

interface Guest {
  readonly name: string
  readonly typing?: boolean
}

const server = createServer({
  port: 0,
  authenticate: ({ auth }) => ({ user: String(auth) }),
  plugins: [presence<{ user: string }>({ identity: peer => peer.context.user, interval: 5 })]
})
const port = await new Promise(resolve =>
  server.on('listening', address => resolve(typeof address === 'object' && address?.port))
)
const open = (user: string) => connect(`http://localhost:${String(port)}`, { auth: user, plugins: [presence()] })

const [ann, bob, bobsPhone] = [open('ann'), open('bob'), open('bob')]
const room = ann.presence<Guest>('room.1')
const told = (event: 'join' | 'change' | 'leave'): Promise<unknown> => new Promise(resolve => room.once(event, resolve))
room.on('join', ({ data }) => console.log(data.name, 'is here'))
room.on('change', ({ data, connections }) =>
  console.log(data.name, data.typing ? 'is typing' : 'is here', `(${connections})`)
)
room.on('leave', ({ data }) => console.log(data.name, 'left'))
await room.watch()

let next = told('join')
await bob.presence<Guest>('room.1').enter({ name: 'Bob' })
await next

next = told('change')
await bobsPhone.presence<Guest>('room.1').enter({ name: 'Bob' })
await next

next = told('change')
bob.presence<Guest>('room.1').update({ name: 'Bob', typing: true })
await next
console.log('the server knows', server.presence.members('room.1').length)

// One of his two connections ends: he is still there. With the other one he leaves, once.
next = told('change')
bob.end()
await next
next = told('leave')
bobsPhone.end()
await next

ann.end()
await server.close()
