import assert from 'node:assert/strict'
import { connect, createServer } from '../../core.ts'
import type { Peer } from '../../core.ts'
import { json } from '../../parsers/json.ts'
import { rooms } from '../../plugins/rooms/index.ts'
import type { PeerRooms, RoomsOptions } from '../../plugins/rooms/index.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { throwsCode } from '../contract/ends.ts'
import { pluginContract } from '../contract/plugin.ts'
import { memory } from '../../transformers/memory/index.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { turns, until } from '../support/faults-wait.ts'

pluginContract('rooms', () => ({ server: rooms() }))

type Roomy = Peer & { readonly rooms: PeerRooms }

describe('rooms', () => {
  const printed = guard()
  const use = undoing()

  const start = (options?: RoomsOptions) => {
    const network = memory()
    const server = createServer(undefined, { transformers: [network], parsers: [json()], plugins: [rooms(options)] })
    const events: string[] = []
    const errors: string[] = []
    server.on('error', ({ code }, { stage }) => errors.push(`${code} ${stage}`))
    server.rooms.on('open', room => events.push(`open ${room}`))
    server.rooms.on('close', room => events.push(`close ${room}`))
    use(() => server.close({ timeout: 0, reconnect: false }))
    /** A client that notes what it gets, and its peer. */
    const join = async (...names: string[]) => {
      const client = connect('http://memory', {
        transformers: [network],
        parser: json(),
        plugins: [reconnect({ min: 0 })]
      })
      const heard: unknown[] = []
      client.on('data', value => heard.push(value))
      use(() => client.destroy())
      const peer = await new Promise<Roomy>(resolve => server.once('connection', resolve))
      await until(() => client.state === 'open')
      peer.rooms.join(...names)
      return { client, peer, heard }
    }
    return { network, server, events, errors, join }
  }

  it('are joined and left', async () => {
    const { server, join, events } = start()
    const { peer } = await join('a', 'b', 'a')
    const other = await join('b')
    assert.deepEqual(
      [[...peer.rooms], peer.rooms.size, peer.rooms.has('a'), peer.rooms.has('c')],
      [['a', 'b'], 2, true, false]
    )
    assert.deepEqual([...server.rooms.members('b')], [peer, other.peer])
    assert.deepEqual([server.rooms.names(), server.rooms.has('a'), server.rooms.has('c')], [['a', 'b'], true, false])
    peer.rooms.leave('a', 'b', 'never joined')
    assert.deepEqual([[...peer.rooms], server.rooms.has('a'), server.rooms.has('b')], [[], false, true])
    other.peer.rooms.leave('b')
    assert.deepEqual(events, ['open a', 'open b', 'close a', 'close b'])
    assert.deepEqual(server.rooms.names(), [])
  })

  it('are written to, each peer once', async () => {
    const { server, join } = start()
    const [one, two, three, outside] = [await join('a', 'b'), await join('b'), await join('c'), await join()]
    assert.equal(server.rooms('a', 'b').write('to a or b'), 2)
    assert.equal(server.rooms('a', 'a', 'b', 'c').except(one.peer).write('but not to one'), 2)
    assert.equal(server.rooms('b').except('a').write('nobody of a'), 1)
    assert.equal(server.rooms('b').except('a', two.peer).write('nobody'), 0)
    assert.equal(server.rooms().write('nobody'), 0)
    assert.equal(server.rooms('nowhere').write('nobody'), 0)
    await until(() => three.heard.length > 0)
    await turns()
    assert.deepEqual(
      [one, two, three, outside].map(({ heard }) => heard),
      [['to a or b'], ['to a or b', 'but not to one', 'nobody of a'], ['but not to one'], []]
    )
  })

  it('are targeted by objects that never change', async () => {
    const { server, join } = start()
    const [{ peer }, other] = [await join('a'), await join('a')]
    const all = server.rooms('a')
    const some = all.except(peer)
    const none = some.except(other.peer)
    assert.deepEqual([all.size, some.size, none.size], [2, 1, 0])
    assert.deepEqual([[...all], [...some], [...none]], [[peer, other.peer], [other.peer], []])
    assert.deepEqual(
      [all.has(peer), some.has(peer), some.has(other.peer), none.has(other.peer)],
      [true, false, true, false]
    )
    // Who is there is looked up when it is asked.
    const late = await join('a')
    assert.deepEqual([all.size, some.size, none.size], [3, 2, 1])
    assert.equal(all.except('a').size, 0)
    assert.equal(late.peer.rooms.size, 1)
  })

  it('encode a value once', async () => {
    const parser = json()
    let encoded = 0
    const network = memory()
    const server = createServer(undefined, {
      transformers: [network],
      parsers: [{ ...parser, encode: value => (encoded++, parser.encode(value)) }],
      plugins: [rooms()]
    })
    use(() => server.close({ timeout: 0, reconnect: false }))
    server.on('connection', peer => peer.rooms.join('a', 'b'))
    for (let count = 0; count < 5; count++) {
      const client = connect('http://memory', { transformers: [network], parser })
      use(() => client.destroy())
    }
    await until(() => server.peers.size === 5)
    assert.equal(server.rooms('a', 'b').except('c').write({ some: 'value' }), 5)
    assert.equal(encoded, 1)
  })

  it('take and lose many at a time', async () => {
    const { server, join, events } = start()
    const [one, two, three] = [await join('a'), await join('a', 'b'), await join('c')]
    server.rooms('a').join('d', 'e')
    assert.deepEqual([...one.peer.rooms], ['a', 'd', 'e'])
    server.rooms('a').leave('a', 'd')
    assert.deepEqual([[...one.peer.rooms], [...two.peer.rooms], [...three.peer.rooms]], [['e'], ['b', 'e'], ['c']])
    assert.deepEqual(events, ['open a', 'open b', 'open c', 'open d', 'open e', 'close a', 'close d'])
    server.rooms('e').disconnect()
    assert.deepEqual([one.peer.state, two.peer.state, three.peer.state], ['away', 'away', 'open'])
    await until(() => one.peer.state === 'open' && two.peer.state === 'open')
    server.rooms('b', 'c').end(4500, 'enough')
    await until(() => server.peers.size === 1)
    assert.deepEqual([two.client.state, three.client.state], ['closed', 'closed'])
    assert.deepEqual(server.rooms.names(), ['e'])
  })

  it('may be left and joined again by who goes over them', async () => {
    const { server, join } = start()
    const { peer } = await join('a', 'b')
    let seen = 0
    for (const one of server.rooms('a')) {
      assert.equal(one, peer)
      peer.rooms.leave('a')
      peer.rooms.join('a')
      assert.ok(++seen < 10)
    }
    for (const room of peer.rooms) {
      peer.rooms.leave(room)
      peer.rooms.join(room)
      assert.ok(++seen < 10)
    }
    assert.equal(seen, 3)
  })

  it('are kept while a client is away, and left when it ends', async () => {
    const { network, server, join, events } = start()
    const { client, peer, heard } = await join('a')
    network.down = true
    network.cut()
    await until(() => peer.state === 'away')
    assert.ok(server.rooms('a').has(peer))
    assert.equal(server.rooms('a').write('while away'), 1)
    network.down = false
    await until(() => heard.length === 1)
    assert.deepEqual([heard, [...peer.rooms]], [['while away'], ['a']])
    const inClose: unknown[] = []
    peer.on('close', () => {
      inClose.push([...peer.rooms])
      peer.rooms.join('too late')
    })
    client.end()
    await until(() => server.peers.size === 0)
    assert.deepEqual([inClose, [...peer.rooms], events], [[['a']], [], ['open a', 'close a']])
    peer.rooms.join('a')
    assert.deepEqual([[...peer.rooms], server.rooms.names()], [[], []])
  })

  it('have limits for each peer', async () => {
    const { join, server } = start({ limit: 3, length: 4 })
    const { peer } = await join('a', 'b')
    throwsCode(() => peer.rooms.join('c', 'd'), 'ERR_LIMIT')
    assert.deepEqual([...peer.rooms], ['a', 'b'])
    peer.rooms.join('a', 'b', 'c', 'c')
    throwsCode(() => peer.rooms.join('d'), 'ERR_LIMIT')
    throwsCode(() => server.rooms('a').join('d'), 'ERR_LIMIT')
    peer.rooms.leave('a')
    peer.rooms.join('long')
    const names: readonly unknown[] = ['', 'longer', 1, null, undefined, {}, ['a']]
    for (const name of names) throwsCode(() => peer.rooms.join(name as string), 'ERR_OPTION')
    assert.deepEqual([...peer.rooms], ['b', 'c', 'long'])
  })

  it('may have any name', async () => {
    const { join, server } = start()
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'size', ' ', '*']
    for (const name of names) assert.ok(!server.rooms.has(name))
    const { peer } = await join(...names)
    assert.deepEqual([[...peer.rooms], server.rooms.names()], [names, names])
    peer.rooms.leave('toString', 'constructor')
    assert.equal(server.rooms('__proto__').size, 1)
    assert.equal(Reflect.get({}, 'size'), undefined)
  })

  it('are told by events, whatever their listeners do', async () => {
    const { join, server, errors } = start()
    const story: string[] = []
    server.rooms.on('join', ({ room }) => {
      story.push(`join ${room}`)
      if (room === 'a') server.rooms('a').leave('a', 'b')
      if (room === 'in') server.rooms('in').join('a')
    })
    server.rooms.on('leave', ({ room }) => {
      story.push(`leave ${room}`)
      throw new Error('of the listener')
    })
    server.rooms.once('close', () => Promise.reject(new Error('of another')))
    const { peer } = await join('a', 'b')
    assert.deepEqual([...peer.rooms], ['b'])
    assert.deepEqual(story, ['join a', 'leave a', 'join b'])
    peer.rooms.join('in')
    assert.deepEqual([...peer.rooms], ['in'])
    await turns()
    assert.deepEqual(errors.slice(0, 2), ['ERR_HANDLER leave', 'ERR_HANDLER close'])
    assert.equal(server.rooms.listenerCount('join'), 1)
    assert.deepEqual(printed, [])
  })

  it('are of one server, also where the plugin is not', async () => {
    const plugin = rooms()
    const networks = [memory(), memory()]
    const servers = networks.map(network => {
      const server = createServer(undefined, { transformers: [network], parsers: [json()], plugins: [plugin] })
      use(() => server.close({ timeout: 0, reconnect: false }))
      server.on('connection', peer => peer.rooms.join('a'))
      return server
    })
    for (const network of networks) {
      const client = connect('http://memory', { transformers: [network], parser: json() })
      use(() => client.destroy())
    }
    await until(() => servers.every(({ peers }) => peers.size === 1))
    assert.deepEqual(
      servers.map(({ rooms }) => rooms('a').size),
      [1, 1]
    )
  })
})
