import assert from 'node:assert/strict'
import type { Client } from '../../lib/client.ts'
import { install } from '../../lib/plugin.ts'
import type { ClientPlugin, PluginInfo } from '../../lib/plugin.ts'
import { createServer } from '../../lib/server/server.ts'
import { json } from '../../parsers/json.ts'
import { memory } from '../../transformers/memory/index.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { host, logOf } from '../support/faults-pair.ts'
import { turns, until } from '../support/faults-wait.ts'

const plugin = <const N extends string>(name: N, more: Omit<Partial<PluginInfo>, 'name'> = {}) => ({
  name,
  version: 1,
  ...more
})

describe('plugins', () => {
  const use = undoing()
  guard()

  it('add what they return under their names, in order', () => {
    const target: Record<string, unknown> = {}
    const order: string[] = []
    install(target, [plugin('a'), plugin('b'), plugin('c', { needs: ['a', 'b'] })], ({ name }) => {
      order.push(name)
      return name === 'b' ? undefined : { name }
    })
    assert.deepEqual([order, target], [['a', 'b', 'c'], { a: { name: 'a' }, c: { name: 'c' } }])
    assert.throws(() => Object.assign(target, { a: 1 }), TypeError)
  })

  it('are refused without what they need before them, and with a name that is taken', () => {
    const refused: [readonly PluginInfo[], string][] = [
      [[plugin('a', { needs: ['b'] })], 'ERR_PLUGIN_NEEDS'],
      [[plugin('a', { needs: ['b'] }), plugin('b')], 'ERR_PLUGIN_NEEDS'],
      [[plugin('a', { needs: ['a'] })], 'ERR_PLUGIN_NEEDS'],
      [[plugin('a'), plugin('a')], 'ERR_PLUGIN_NAME'],
      ...['write', 'id', 'own', '__proto__', 'constructor', 'toString'].map((name): [PluginInfo[], string] => [
        [plugin(name)],
        'ERR_PLUGIN_NAME'
      ])
    ]
    for (const [plugins, code] of refused) {
      const target = Object.assign(Object.create({ write() {}, id: '' }) as object, { own: 1 })
      assert.throws(() => install(target, plugins, () => ({})), { code }, plugins[0]?.name)
    }
  })

  it('that fail end what was begun', async () => {
    const network = memory()
    const ended: string[] = []
    const first = {
      ...plugin('first'),
      server: (_server: object, during: (start: () => () => void) => void) => during(() => () => ended.push('first'))
    }
    const second = {
      ...plugin('second'),
      server: () => {
        throw new Error('boom')
      }
    }
    assert.throws(
      () => createServer(undefined, { transformers: [network], parsers: [json()], plugins: [first, second] }),
      /boom/
    )
    await until(() => ended.length === 1)
    // The network is free for another server.
    const server = createServer(undefined, { transformers: [network], parsers: [json()] })
    await server.close()
  })

  it('work from each open to the end that no reconnect follows', async () => {
    const story: string[] = []
    const observer: ClientPlugin = {
      ...plugin('observer', { local: true }),
      client(_client: Client, _lane, during) {
        during(() => {
          story.push('start 1')
          return () => story.push('end 1')
        })
        during(() => {
          story.push('start 2')
          return () => story.push('end 2')
        })
      }
    }
    const { dial, network } = host(use)
    const { reconnect } = await import('../../plugins/reconnect/client.ts')
    const client = dial({ plugins: [observer, reconnect({ min: 0 })] })
    const log = logOf(client)
    await until(() => client.state === 'open')
    network.cut()
    await until(() => log.opens.length === 2)
    assert.deepEqual(story, ['start 1', 'start 2'])
    client.destroy()
    assert.deepEqual(story, ['start 1', 'start 2', 'end 2', 'end 1'])
    client.open()
    await until(() => client.state === 'open')
    assert.equal(story.length, 6)
  })

  it('talk over lanes where both ends have them, and not where one has not', async () => {
    const got: unknown[] = []
    const make = (name: string) => ({
      ...plugin(name),
      peer: (
        _peer: object,
        lane: {
          connected: boolean
          on: (event: 'data', listener: (value: unknown) => void) => unknown
          write: (value: unknown) => boolean
        }
      ) => {
        lane.on('data', value => got.push([name, value]))
        got.push([name, lane.connected, lane.write(`${name} down`)])
      }
    })
    const heard: unknown[] = []
    const mine: ClientPlugin = {
      ...plugin('b'),
      client(client, lane) {
        lane.on('data', value => heard.push(value))
        client.on('open', () => lane.write('b up'))
        assert.equal(lane.connected, false)
        assert.equal(lane.write('too early'), false)
      }
    }
    const { dial } = host(use, { server: { plugins: [make('a'), make('b'), make('c')] } })
    const client = dial({ plugins: [mine] })
    await until(() => client.state === 'open' && heard.length === 1)
    await until(() => got.length === 4)
    await turns()
    assert.deepEqual(
      [got, heard],
      [
        [
          ['a', false, false],
          ['b', true, true],
          ['c', false, false],
          ['b', 'b up']
        ],
        ['b down']
      ]
    )
  })
})
