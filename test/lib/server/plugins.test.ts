import assert from 'node:assert/strict'
import type { Peer, ServerPlugin } from '../../../core.ts'
import { Calls } from '../../support/calls.ts'

describe('what plugins may ask of a server', () => {
  let world: Calls

  afterEach(() => world.end())

  it('says who is full when many are sent something, and tells them when they are not', async () => {
    const half = { name: 'half', version: 1 }
    const drained: Peer[] = []
    const plugin: ServerPlugin = { ...half, peer: peer => void peer.on('drain', () => drained.push(peer)) }
    world = new Calls()
    world.start([plugin])
    world.connect([{ ...half, client: () => {} }])
    world.connect([])
    await world.pass(10)
    const full: Peer[] = []
    const send = (length: number): number =>
      world.server.multicast(world.server.peers, 'x'.repeat(length), { lane: 'half', full: peer => full.push(peer) })
    assert.equal(send(1_000), 1)
    await world.pass(10)
    assert.deepEqual([full, drained], [[], []])
    world.network.stalled = true
    send(500_000)
    assert.deepEqual(full, [world.peers[0]])
    await world.pass(10)
    world.network.stalled = false
    await world.pass(2_000)
    assert(drained.length > 0 && drained.every(peer => peer === world.peers[0]))
  })

  it('refuses names that peers have, before there is one', async () => {
    world = new Calls()
    world.start([])
    world.connect([])
    await world.pass(10)
    const names = new Set<string>()
    for (let at: object | null = world.peers[0] ?? null; at; at = Reflect.getPrototypeOf(at)) {
      for (const name of Object.getOwnPropertyNames(at)) names.add(name)
    }
    void world.server.close()
    assert(names.has('rate') && names.has('recover'))
    for (const name of names) {
      assert.throws(() => world.start([{ name, version: 1, local: true }]), { code: 'ERR_PLUGIN_NAME' }, name)
    }
    assert.throws(() => world.start([{ name: 'rate', version: 1 }]), /peers have a 'rate' of their own/)
    world.start([{ name: 'pace', version: 1 }])
  })

  it('closes also where they fail at what they do before, and tells that', async () => {
    world = new Calls()
    let asked = 0
    const fails: ServerPlugin = {
      name: 'fails',
      version: 1,
      local: true,
      peer(peer) {
        peer.before(() => {
          throw new Error('at once')
        })
        peer.before(() => Promise.reject(new Error('later')))
        peer.before(() => void asked++)
      }
    }
    world.start([fails])
    for (let count = 0; count < 2; count++) world.connect([])
    await world.pass(10)
    await world.settled(world.server.close({ reconnect: false }), 100)
    assert.equal(asked, 2)
    assert.deepEqual(
      world.reported.map(({ code, message }) => `${code} ${message.replace(/^.*?'/, "'")}`).toSorted(),
      ['at once', 'at once', 'later', 'later'].map(text => `ERR_HANDLER 'undo': Error: ${text}`)
    )
  })

  it('waits with `close` for what they promise', async () => {
    const order: string[] = []
    const plugin = (name: string, time: number): ServerPlugin => ({
      name,
      version: 1,
      local: true,
      server(_server, during) {
        during(() => async () => {
          order.push(`${name} begins`)
          await new Promise(resolve => setTimeout(resolve, time))
          order.push(`${name} ends`)
          if (time === 20) throw new Error('it failed')
        })
      }
    })
    world = new Calls()
    world.start([plugin('one', 50), plugin('two', 20)])
    void world.server.close().then(() => order.push('closed'))
    await world.pass(100)
    assert.deepEqual(order, ['two begins', 'one begins', 'two ends', 'one ends', 'closed'])
    assert.equal(world.reported.length, 1)
  })
})
