import assert from 'node:assert/strict'
import { connect, createServer } from '../../core.ts'
import type { Parser } from '../../core.ts'
import { json } from '../../parsers/json.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { authenticate } from '../../plugins/authenticate/index.ts'
import { permissions } from '../../plugins/permissions/index.ts'
import { presence } from '../../plugins/presence/index.ts'
import { pubsub } from '../../plugins/pubsub/index.ts'
import type { Message } from '../../plugins/pubsub/index.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { rpc } from '../../plugins/rpc/index.ts'
import { guard } from '../support/faults-guard.ts'
import { turns, until } from '../support/faults-wait.ts'
import { places } from '../support/places.ts'
import type { Place } from '../support/places.ts'

/*
 * What pubsub, rpc and presence promise together, over each wire and with each parser. What each of them does in detail its own
 * tests know, in memory.
 */

/** What a message says: its value, or that it has none. */
const said = (message: Message): unknown => ('value' in message ? message.value : 'nothing')

const codeOf = (error: unknown): unknown => Reflect.get(Object(error), 'code')

/** One server after the other, and clients that stay. */
class Scene {
  readonly #place: Place
  readonly #parser: Parser
  /** The calls of `run` that ran, on whichever server. */
  readonly ran: unknown[] = []
  readonly left: string[] = []
  server: ReturnType<Scene['serve']>
  readonly #ends: (() => void)[] = []

  constructor(place: Place, parser: Parser) {
    this.#place = place
    this.#parser = parser
    this.server = this.serve()
  }

  serve() {
    const server = createServer(this.#place.http, {
      transformers: [this.#place.transformer()],
      parsers: [this.#parser],
      authenticate: ({ auth }) => auth !== 'nobody' && String(auth),
      plugins: [
        permissions<string>(
          {
            pubsub: {
              subscribe: { 'secret.*': false, 'staff.*': ({ context }) => context === 'zoe' },
              publish: { 'secret.*': false }
            }
          },
          { otherwise: true }
        ),
        pubsub({ topics: { 'kept.*': { history: { size: 100 } } } }),
        rpc({
          run: async (number: number) => {
            this.ran.push(number)
            await turns(number % 3)
            return number
          },
          echo: (value: unknown, _call: unknown) => value,
          never: () => new Promise(() => {})
        }),
        presence<string>({ identity: peer => peer.context, interval: 1 }),
        authenticate()
      ]
    })
    server.presence.on('changes', (_place, members) => {
      for (const { id, connections } of members) if (!connections) this.left.push(id)
    })
    return server
  }

  async restart(): Promise<void> {
    await this.server.close({ timeout: 100, reconnect: 0 })
    this.server = this.serve()
    await this.#place.url()
  }

  async connect(auth: string) {
    const client = connect(await this.#place.url(), {
      transformers: [this.#place.client],
      parser: this.#parser,
      auth,
      plugins: [reconnect({ min: 0, max: 20 }), pubsub(), rpc(), presence(), authenticate()]
    })
    this.#ends.push(() => client.destroy())
    await until(() => client.state === 'open', 'an open client')
    return client
  }

  cut(): void {
    this.#place.cut()
  }

  async end(): Promise<void> {
    for (const end of this.#ends) end()
    await this.server.close({ timeout: 0, reconnect: false })
    await this.#place.close()
  }
}

type Client = Awaited<ReturnType<Scene['connect']>>

for (const [name, place] of Object.entries(places)) {
  for (const parser of [json(), msgpack()]) {
    describe(`pubsub, rpc and presence over ${name}, with ${parser.name}`, () => {
      guard()
      let scene: Scene
      let ann: Client
      let bob: Client

      before(async () => {
        scene = new Scene(place(), parser)
        ann = await scene.connect('ann')
        bob = await scene.connect('bob')
      })

      after(() => scene.end())

      it('bring each message to each subscriber once, also after a restart', async () => {
        const heard: [string, unknown][] = []
        const undos: (() => void)[] = []
        for (const [who, client] of [
          ['ann', ann],
          ['bob', bob]
        ] as const) {
          // Two names that have topics in common.
          for (const topic of ['kept.*', 'kept.a']) {
            const subscription = client.pubsub.subscribe(topic, value => heard.push([`${who} ${topic}`, value]))
            undos.push(subscription.unsubscribe)
            await subscription
          }
        }
        const each = (values: readonly unknown[]): void => {
          for (const who of ['ann kept.*', 'ann kept.a', 'bob kept.*', 'bob kept.a']) {
            assert.deepEqual(
              heard.flatMap(([by, value]) => (by === who ? [value] : [])),
              values,
              who
            )
          }
        }
        for (let number = 0; number < 10; number++) {
          ann.pubsub.publish('kept.a', number)
          if (number === 5) scene.cut()
        }
        await until(() => heard.length >= 40, 'forty messages')
        const back = [ann, bob].map(client => new Promise(resolve => client.pubsub.once('subscribe', resolve)))
        await scene.restart()
        await Promise.all(back)
        // What is asked now is answered behind all subscriptions.
        await Promise.all([ann.pubsub.history('kept.a'), bob.pubsub.history('kept.a')])
        assert.equal(await bob.pubsub.publish('kept.a', 'after', { ack: true }), 2)
        await until(() => heard.length >= 44, 'messages of the other server')
        await Promise.all([ann.pubsub.history('kept.a'), bob.pubsub.history('kept.a')])
        each([...Array.from({ length: 10 }, (_, number) => number), 'after'])
        for (const undo of undos) undo()
      })

      it('bring nothing after the end of a subscription', async () => {
        const heard: unknown[] = []
        const { unsubscribe } = await subscribed(ann, 'end', value => heard.push(value))
        bob.pubsub.publish('end', 1)
        await until(() => heard.length === 1)
        for (const value of [2, 3]) bob.pubsub.publish('end', value)
        unsubscribe()
        await bob.pubsub.history('end')
        await ann.pubsub.history('end')
        assert.equal(await bob.pubsub.publish('end', 4, { ack: true }), 0)
        assert.deepEqual(heard, [1])
      })

      it('tell no value, null and undefined apart', async () => {
        const heard: unknown[] = []
        const { unsubscribe } = await subscribed(ann, 'nothing', (_value, message) => heard.push(said(message)))
        bob.pubsub.publish('nothing')
        bob.pubsub.publish('nothing', null)
        bob.pubsub.publish('nothing', undefined)
        bob.pubsub.publish('nothing', 0)
        await until(() => heard.length === 4)
        assert.deepEqual(heard, ['nothing', null, undefined, 0])
        assert.deepEqual(await Promise.all([ann.rpc['echo']?.(null), ann.rpc['echo']?.()]), [null, undefined])
        unsubscribe()
      })

      it('bring what is denied to nobody, and tell who asked', async () => {
        const heard: unknown[] = []
        const refused: unknown[] = []
        const undo = scene.server.pubsub.subscribe('secret.*', value => heard.push(value))
        const undoRefused = bob.pubsub.on('refuse', ({ topic, error }) => refused.push([topic, error?.code]))
        await assert.rejects(
          ann.pubsub.subscribe('secret.a', value => heard.push(value)),
          { code: 'ERR_DENIED' }
        )
        bob.pubsub.publish('secret.a', 1)
        await assert.rejects(bob.pubsub.publish('secret.a', 2, { ack: true }), { code: 'ERR_DENIED' })
        assert.deepEqual([heard, refused], [[], [['secret.a', 'ERR_DENIED']]])
        scene.server.pubsub.publish('secret.a', 'of the server')
        await ann.pubsub.history('other')
        assert.deepEqual(heard, ['of the server'])
        undo()
        undoRefused()
      })

      it('run each call once, and always tell who called', async () => {
        const numbers = Array.from({ length: 30 }, (_, number) => number)
        const before = scene.ran.length
        const calls = numbers.map(async number => {
          if (number === 10 || number === 20) {
            scene.cut()
            await turns(3)
          }
          return ann.rpc['run']?.(number)
        })
        await turns(2)
        scene.cut()
        const settled = await Promise.allSettled(calls)
        // The session outlives its wires: nothing is unknown.
        assert.deepEqual(
          settled.map(outcome => (outcome.status === 'fulfilled' ? outcome.value : codeOf(outcome.reason))),
          numbers
        )
        assert.deepEqual(
          scene.ran
            .slice(before)
            .map(Number)
            .toSorted((one, other) => one - other),
          numbers
        )
        const codes = [ann.rpc['nothing']?.(), ann.rpc.with({ timeout: 10 })['never']?.()].map(call =>
          Promise.resolve(call).catch(codeOf)
        )
        assert.deepEqual(await Promise.all(codes), ['ERR_NO_METHOD', 'ERR_CALL_TIMEOUT'])
      })

      it('pass a call on that a provider rejects, and say so where all do', async () => {
        const asked: string[] = []
        const reject = (who: string) => (wanted: string, call: { reject(reason?: string): never }) => {
          asked.push(who)
          return wanted === who ? `by ${who}` : call.reject()
        }
        const undos = await Promise.all([
          ann.rpc.provide('work', reject('ann')),
          bob.rpc.provide('work', reject('bob'))
        ])
        const work = bob.rpc.service<(wanted: string) => string>('work')
        assert.deepEqual(await Promise.all([work('ann'), work('bob')]), ['by ann', 'by bob'])
        asked.length = 0
        const ofServer = scene.server.rpc.service<(wanted: string) => string>('work')
        const nobody = await Promise.allSettled([work('nobody'), ofServer('nobody')])
        assert.deepEqual(
          nobody.map(outcome => outcome.status === 'rejected' && codeOf(outcome.reason)),
          ['ERR_NO_PROVIDER', 'ERR_NO_PROVIDER']
        )
        assert.deepEqual(asked.toSorted(), ['ann', 'ann', 'bob', 'bob'])
        assert.equal(await ofServer('bob'), 'by bob')
        for (const undo of undos) undo()
        await Promise.all([ann.pubsub.history('other'), bob.pubsub.history('other')])
        await assert.rejects(work('ann'), { code: 'ERR_NO_PROVIDER' })
      })

      it('go on while somebody becomes somebody else, and end what they may not do any more', async () => {
        const heard: unknown[] = []
        const [peer] = [...scene.server.peers].filter(({ id }) => id === bob.id)
        await assert.rejects(
          subscribed(bob, 'staff.a', value => heard.push(value)),
          { code: 'ERR_DENIED' }
        )
        await assert.rejects(bob.authenticate('nobody'), { code: 'ERR_UNAUTHORIZED' })
        await bob.authenticate('zoe')
        assert.equal(peer?.context, 'zoe')
        await subscribed(bob, 'staff.a', value => heard.push(value))
        scene.cut()
        scene.server.pubsub.publish('staff.a', 1)
        await until(() => heard.length === 1)
        const ended = new Promise(resolve => bob.pubsub.once('unsubscribe', ({ error }) => resolve(error?.code)))
        await bob.authenticate('bob')
        assert.equal(await ended, 'ERR_DENIED')
        assert.equal(scene.server.pubsub.publish('staff.a', 2), 0)
        await bob.pubsub.history('other')
        assert.deepEqual([heard, peer?.state], [[1], 'open'])
      })

      it('have somebody leave once, with the last of their connections', async () => {
        const [first, second] = [await scene.connect('eve'), await scene.connect('eve')]
        const left: string[] = []
        const room = ann.presence('room')
        const connections = (): number | undefined => room.members().find(({ id }) => id === 'eve')?.connections
        room.on('leave', ({ id }) => left.push(id))
        await room.watch()
        await Promise.all([first.presence('room').enter(1), second.presence('room').enter(2)])
        await until(() => connections() === 2, 'both connections')
        scene.left.length = 0
        first.end()
        await until(() => connections() === 1, 'one connection')
        scene.cut()
        await until(() => [ann, bob, second].every(({ state }) => state === 'open'), 'all are back')
        await ann.pubsub.history('other')
        assert.deepEqual([left, scene.left], [[], []])
        second.end()
        await until(() => left.length === 1)
        await ann.pubsub.history('other')
        assert.deepEqual([left, scene.left], [['eve'], ['eve']])
      })
    })
  }
}

/** A subscription that is there. */
const subscribed = async (
  { pubsub }: Client,
  topic: string,
  handler: (value: unknown, message: Message) => unknown
): Promise<{ unsubscribe: () => void }> => {
  const ongoing = pubsub.subscribe(topic, handler)
  await ongoing
  return { unsubscribe: ongoing.unsubscribe }
}
