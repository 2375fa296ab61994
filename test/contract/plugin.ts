import assert from 'node:assert/strict'
import { frame } from '../../lib/frames.ts'
import type { Welcome } from '../../lib/handshake.ts'
import { WELCOME } from '../../lib/frames.ts'
import type { Lane } from '../../lib/lane.ts'
import type { ClientPlugin, During, PluginInfo } from '../../lib/plugin.ts'
import type { ServerPlugin } from '../../lib/server/plugin.ts'
import { json } from '../../parsers/json.ts'
import { memory } from '../../transformers/memory/index.ts'
import type { CheckedReceiver } from './checked-receiver.ts'
import { pass } from './ends.ts'
import type { TransformerFixture } from './fixture.ts'
import { mutations, randomValues, SCALARS } from './hostile-values.ts'
import { Links } from './links.ts'
import { Resources } from './resources.ts'
import { opened, Stage, stageTests } from './stage.ts'
import { next, turns } from './waiting.ts'

/** What the suite needs of a plugin: new for each test. */
export interface PluginFixture {
  /** The halves that there are. */
  readonly client?: ClientPlugin
  readonly server?: ServerPlugin
  /** The plugins that it needs, in order. */
  readonly needs?: { readonly client?: readonly ClientPlugin[]; readonly server?: readonly ServerPlugin[] }
  /** Packets as the halves send them over the lane: the suite breaks them in every place. */
  readonly packets?: { readonly toServer?: readonly unknown[]; readonly toClient?: readonly unknown[] }
}

/** What became of a plugin's `during` calls: how many began, and which ended, in order. */
interface Uses {
  started: number
  ended: number[]
  lane: Lane | undefined
}

const wires = (): TransformerFixture => {
  const network = memory()
  return { server: network, client: network, start: () => 'http://memory', cut: () => network.cut() }
}

const watchedDuring =
  (during: During, uses: Uses): During =>
  start =>
    during(() => {
      const undo = start()
      const index = uses.started++
      return () => {
        uses.ended.push(index)
        undo()
      }
    })

const watchClient = (plugin: ClientPlugin, uses: Uses): ClientPlugin => ({
  ...plugin,
  client(client, lane, during) {
    uses.lane = lane
    return plugin.client?.(client, lane, watchedDuring(during, uses))
  }
})

const watchServer = (plugin: ServerPlugin, ofServer: Uses, ofPeer: Uses): ServerPlugin => ({
  ...plugin,
  server: (server, during) => plugin.server?.(server, watchedDuring(during, ofServer)),
  peer(peer, lane, server, during) {
    ofPeer.lane = lane
    return plugin.peer?.(peer, lane, server, watchedDuring(during, ofPeer))
  }
})

const uses = (): Uses => ({ started: 0, ended: [], lane: undefined })

/** All uses are over, the last one first. */
const over = ({ started, ended }: Uses): void =>
  assert.deepEqual(
    ended,
    Array.from({ length: started }, (_, index) => started - 1 - index)
  )

/** Registers the tests of one plugin with mocha. Every plugin must pass them, whoever wrote it. */
export const pluginContract = (name: string, setup: () => PluginFixture): void => {
  describe(`${name}: the contract of plugins`, () => {
    const parser = json()
    const test = stageTests(wires, parser)

    /** The halves of a new fixture, with what they need before them; `change` is made to the halves. */
    const plugins = (change: Partial<PluginInfo> = {}) => {
      const { client, server, needs } = setup()
      return {
        client: [...(needs?.client ?? []), ...(client ? [{ ...client, ...change }] : [])],
        server: [...(needs?.server ?? []), ...(server ? [{ ...server, ...change }] : [])]
      }
    }

    const shape = setup()
    const halves: readonly PluginInfo[] = [shape.client, shape.server].flatMap(half => half ?? [])
    const local = halves.some(half => half.local)
    /** Tests of what the halves say to each other. */
    const withLane = !local && shape.client && shape.server ? test : () => {}

    /** A stage whose server has the server half, where there is one. */
    const start = (server: readonly ServerPlugin[] = plugins().server): Promise<Stage> =>
      Stage.start(wires(), parser, { plugins: server })

    describe('what it is', () => {
      it('has halves of one name and version', () => {
        assert.ok(halves.length > 0)
        for (const half of halves) {
          assert.match(half.name, /^[a-z][a-zA-Z0-9]*$/)
          assert.ok(Number.isSafeInteger(half.version) && half.version >= 0)
          assert.ok(
            half.needs === undefined || half.needs.every(need => typeof need === 'string' && need !== half.name)
          )
        }
        assert.equal(new Set(halves.map(({ name, version, local = false }) => `${name} ${version} ${local}`)).size, 1)
      })

      it('is made anew by each call of its factory', () => {
        const [first, second] = [setup(), setup()]
        if (first.client) assert.notEqual(first.client, second.client)
        if (first.server) assert.notEqual(first.server, second.server)
      })
    })

    describe('what it adds', () => {
      test('is one property under its own name, on each host', async stage => {
        const { client: mine, server: theirs } = plugins()
        const own = setup()
        const globals = Reflect.ownKeys(globalThis)
        const bare = stage.connect({ open: false, plugins: own.needs?.client ?? [] })
        const full = stage.connect({ open: false, plugins: mine })
        const hosts: [host: object, bare: object][] = [[full, bare]]
        const [bareStage, fullStage] = [await start(own.needs?.server ?? []), await start(theirs)]
        hosts.push([fullStage.server, bareStage.server])
        if (own.server) {
          const pairs = [
            await fullStage.pair({ plugins: mine }),
            await bareStage.pair({ plugins: own.needs?.client ?? [] })
          ]
          hosts.push([pairs[0]?.peer ?? {}, pairs[1]?.peer ?? {}])
        }
        for (const [host, without] of hosts) {
          const added = Reflect.ownKeys(host).filter(key => !Reflect.ownKeys(without).includes(key))
          assert.deepEqual(
            added.filter(key => key !== own.client?.name && key !== own.server?.name),
            []
          )
          for (const key of added) {
            const { writable, configurable } = Reflect.getOwnPropertyDescriptor(host, key) ?? {}
            const value: unknown = Reflect.get(host, key)
            assert.deepEqual(
              [writable, configurable, typeof value],
              [false, false, typeof value === 'function' ? 'function' : 'object']
            )
          }
          assert.equal(Reflect.getPrototypeOf(host), Reflect.getPrototypeOf(without))
        }
        assert.deepEqual(Reflect.ownKeys(globalThis), globals)
        await bareStage.close()
        await fullStage.close()
      })

      test('belongs to one host: two clients share nothing', async stage => {
        const [one, two] = [
          stage.connect({ open: false, plugins: plugins().client }),
          stage.connect({ open: false, plugins: plugins().client })
        ]
        const value = (host: object): unknown => Reflect.get(host, shape.client?.name ?? '')
        if (value(one)) assert.notEqual(value(one), value(two))
      })
    })

    describe('where it cannot be installed', () => {
      for (const half of ['client', 'server'] as const) {
        if (!shape[half]) continue
        const install = async (stage: Stage, list: ReturnType<typeof plugins>['client' | 'server']): Promise<void> => {
          if (half === 'client') stage.connect({ open: false, plugins: list })
          else await (await start(list)).close()
        }

        test(`throws when its name is taken on a ${half}`, async stage => {
          const twice = [...plugins()[half], ...plugins()[half].slice(-1)]
          await assert.rejects(async () => install(stage, twice), { code: 'ERR_PLUGIN_NAME' })
          await assert.rejects(async () => install(stage, plugins({ name: 'on' })[half]), { code: 'ERR_PLUGIN_NAME' })
        })

        test(`throws when what it needs is not there before it on a ${half}`, async stage => {
          const alone = plugins()[half].slice(-1)
          if (shape[half]?.needs?.length)
            await assert.rejects(async () => install(stage, alone), { code: 'ERR_PLUGIN_NEEDS' })
          else await install(stage, alone)
          await assert.rejects(async () => install(stage, plugins({ needs: ['nobody'] })[half]), {
            code: 'ERR_PLUGIN_NEEDS'
          })
        })
      }
    })

    describe('its lane', () => {
      test('is connected when both ends have it, and only then', async stage => {
        const own = setup()
        const [mine, theirs, ofServer] = [uses(), uses(), uses()]
        const server = [
          ...(own.needs?.server ?? []),
          ...(own.server ? [watchServer(own.server, ofServer, theirs)] : [])
        ]
        const both = await start(server)
        const client = [...(own.needs?.client ?? []), ...(own.client ? [watchClient(own.client, mine)] : [])]
        if (own.client && (own.server || local)) {
          const pair = await both.pair({ plugins: client })
          const connected = !local && own.server !== undefined
          assert.equal(mine.lane?.connected ?? false, connected)
          if (own.server) assert.equal(theirs.lane?.connected, connected)
          await pass(pair.client, pair.peer, ['beside'])
          pair.client.destroy()
          assert.equal(mine.lane?.connected ?? false, false)
        }
        await both.pair({ plugins: own.needs?.client ?? [] })
        if (own.server) assert.equal(theirs.lane?.connected, false)
        assert.equal(theirs.lane?.write({ any: 'value' }) ?? false, false)
        await both.close()
        if (!own.client) return
        if (local) await opened(stage.connect({ plugins: client }))
        else {
          const without = await start(own.needs?.server ?? [])
          const [{ code, reason }] = await next(without.connect({ plugins: client }), 'close')
          assert.equal(code, 3504)
          assert.match(reason, new RegExp(`'${own.client.name}'`))
          await without.close()
        }
      })

      test('does not exist between two versions', async () => {
        if (local || !shape.client || !shape.server) return
        const stage = await start()
        for (const version of [shape.client.version + 1, 0, 1e9].filter(other => other !== shape.client?.version)) {
          const refused = next(stage.server, 'refused')
          const [{ code, reason }] = await next(stage.connect({ plugins: plugins({ version }).client }), 'close')
          assert.equal(code, 3504)
          assert.match(reason, new RegExp(`'${shape.client.name}'`))
          assert.equal((await refused)[0].code, 'ERR_PLUGIN')
        }
        await stage.close()
      })
    })

    describe('what it does while its host is in use', () => {
      test('ends with its host, the last first, and begins again with it', async () => {
        const own = setup()
        const [mine, ofPeer, ofServer] = [uses(), uses(), uses()]
        const server = [
          ...(own.needs?.server ?? []),
          ...(own.server ? [watchServer(own.server, ofServer, ofPeer)] : [])
        ]
        const stage = await start(server)
        const client = [...(own.needs?.client ?? []), ...(own.client ? [watchClient(own.client, mine)] : [])]
        const { client: used, peer } = await stage.pair({ plugins: client })
        const { started } = mine
        assert.deepEqual([mine.ended, ofPeer.ended, ofServer.ended], [[], [], []])
        const closed = [next(used, 'close'), next(peer, 'close')]
        used.end()
        await Promise.all(closed)
        await turns(1)
        over(mine)
        over(ofPeer)
        mine.started = 0
        mine.ended = []
        used.open()
        await opened(used)
        assert.equal(mine.started, started)
        used.destroy()
        await turns(5)
        over(mine)
        assert.deepEqual(ofServer.ended, [])
        await stage.close()
        over(ofServer)
      })

      it('leaves no timer behind', async () => {
        await turns(1)
        const resources = new Resources()
        try {
          const stage = await start()
          const { client, peer } = await stage.pair({ plugins: plugins().client })
          await pass(client, peer, ['some', 'values'])
          const { client: lost } = await stage.pair({ plugins: plugins().client })
          stage.fixture.cut?.()
          await turns(5)
          if (lost.state !== 'closed') lost.write('while there is no wire')
          stage.connect({ plugins: plugins().client })
          const ended = await stage.pair({ plugins: plugins().client })
          ended.client.end()
          await next(ended.peer, 'close')
          await stage.close()
          await turns(5)
          assert.deepEqual(resources.left, [])
        } finally {
          resources.stop()
        }
      })
    })

    describe('what the other end may send', () => {
      const hostile = (packets: readonly unknown[] = []): string[] => {
        const values = [...SCALARS, ...randomValues(200, 1), ...packets.flatMap(mutations)]
        const raw = [
          '{"__proto__":{"x":1}}',
          '{"constructor":{"prototype":{"x":1}}}',
          '[{"__proto__":null}]',
          '{',
          '',
          '['.repeat(5_000)
        ]
        return [...values.map(value => JSON.stringify(value)), ...raw]
      }

      withLane('harms no server, whatever it is', async () => {
        const stage = await start()
        const witness = await stage.pair({ plugins: plugins().client })
        const hello = stage.hello({
          plugins: plugins()
            .client.filter(plugin => !plugin.local)
            .map(plugin => [plugin.name, plugin.version])
        })
        let link: CheckedReceiver | undefined
        for (const message of hostile(setup().packets?.toServer)) {
          if (!link?.isOpen) {
            const fresh = stage.dial()
            ;(await fresh.opened()).send(hello)
            await fresh.received(1)
            link = fresh
          }
          link.wire.send(frame(laneOf(link, shape.client?.name), message, true))
          await turns(2)
        }
        await pass(witness.client, witness.peer, ['unharmed'])
        await pass(witness.peer, witness.client, ['unharmed'])
        assert.equal(Reflect.get({}, 'x'), undefined)
        stage.expected = stage.errors
          .map(({ code }) => code)
          .filter(code => code !== 'ERR_HANDLER' && code !== 'ERR_SERVER')
        await stage.close()
      })

      withLane('harms no client, whatever it is', async stage => {
        const links = await Links.start(wires())
        const own = plugins().client
        const lanes = own.filter(plugin => !plugin.local).map(plugin => plugin.name)
        const welcome: Welcome = ['x', '', false, lanes, [], 0, 0, 0, 2 ** 20, 2 ** 20, 0]
        const far = (): CheckedReceiver =>
          links.receiver({
            heard: data => data.slice(0, 2) === '!0' && current?.wire.send(WELCOME + JSON.stringify(welcome))
          })
        let current: CheckedReceiver | undefined
        links.accept = () => (current = far())
        const connect = async () => {
          const client = stage.connect({ plugins: plugins().client, transformers: [links.fixture.client] })
          await opened(client)
          return client
        }
        let client = await connect()
        for (const message of hostile(setup().packets?.toClient)) {
          if (client.state !== 'open') {
            client.destroy()
            client = await connect()
          }
          current?.wire.send(frame(lanes.indexOf(shape.client?.name ?? '') + 1, message, true))
          await turns(2)
        }
        client.destroy()
        await links.close()
        stage.expected = stage.errors.map(({ code }) => code).filter(code => code !== 'ERR_HANDLER')
      })
    })
  })
}

/** The number of a plugin's lane, as the welcome on a link has it. */
const laneOf = ({ messages }: CheckedReceiver, name = ''): number => {
  const [, , , lanes] = JSON.parse(`${messages[0]}`.slice(2)) as Welcome
  return lanes.indexOf(name) + 1
}
