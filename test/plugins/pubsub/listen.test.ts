import assert from 'node:assert/strict'
import { guard, undoing } from '../../support/faults-guard.ts'
import { turns, until } from '../../support/faults-wait.ts'
import { notes, world } from '../../support/pubsub.ts'

describe('pubsub: providers', () => {
  guard()
  const use = undoing()

  /** A provider that notes what it serves. */
  const provider = () => {
    const story: string[] = []
    const provide = (name: string, signal: AbortSignal): void => {
      story.push(`start ${name}`)
      signal.addEventListener('abort', () => story.push(`stop ${name}`))
    }
    return { story, provide }
  }

  it('serve a name from its first subscriber to its last', async () => {
    const { server, open } = world(use)
    const [one, two, three] = [await open(), await open(), await open()]
    const [ofServer, ofClient] = [provider(), provider()]
    const undo = server.pubsub.listen('stock.*', ofServer.provide, { patterns: true })
    const listening = three.pubsub.listen('stock.*', ofClient.provide, { patterns: true })
    await listening
    const first = one.pubsub.subscribe('stock.a', () => {})
    const second = two.pubsub.subscribe('stock.a', () => {})
    await Promise.all([
      first,
      second,
      two.pubsub.subscribe('other', () => {}),
      two.pubsub.subscribe('stock.>', () => {})
    ])
    const own = server.pubsub.subscribe('stock.*', () => {})
    await until(() => ofClient.story.length === 2)
    assert.deepEqual(ofServer.story, ['start stock.a', 'start stock.*'])
    first.unsubscribe()
    await turns()
    assert.equal(ofServer.story.length, 2)
    two.client.destroy()
    own()
    const all = ['start stock.a', 'start stock.*', 'stop stock.*', 'stop stock.a']
    await until(() => ofClient.story.length === 4)
    assert.deepEqual([ofServer.story, ofClient.story], [all, all])
    undo()
    listening.unsubscribe()
    await one.pubsub.subscribe('stock.b', () => {})
    await turns()
    assert.deepEqual([ofServer.story, ofClient.story], [all, all])
  })

  it('are told what has subscribers already, and stop when they are ended', async () => {
    const { server, open } = world(use)
    const { pubsub } = await open()
    for (const name of ['a.b', 'a.c', 'b']) await pubsub.subscribe(name, () => {})
    const [ofServer, ofClient] = [provider(), provider()]
    const undo = server.pubsub.listen('a.>', ofServer.provide)
    const listening = pubsub.listen('a.>', ofClient.provide)
    await until(() => ofClient.story.length === 2)
    const started = ['start a.b', 'start a.c']
    assert.deepEqual([ofServer.story, ofClient.story], [started, started])
    undo()
    listening.unsubscribe()
    const over = [...started, 'stop a.b', 'stop a.c']
    assert.deepEqual([ofServer.story, ofClient.story], [over, over])
  })

  it('are told topics alone, which can be published to, unless they ask for patterns', async () => {
    const { server, open } = world(use)
    const { pubsub } = await open()
    const [all, ofServer, ofClient] = [provider(), provider(), provider()]
    server.pubsub.listen('stock.>', all.provide, { patterns: true })
    server.pubsub.listen('stock.>', ofServer.provide)
    await pubsub.listen('stock.>', ofClient.provide)
    const wild = ['stock.*', 'stock.>', 'stock.*.eu'].map(name => pubsub.subscribe(name, () => {}))
    await Promise.all(wild)
    const topic = pubsub.subscribe('stock.a*', () => {})
    await topic
    await until(() => ofClient.story.length > 0)
    for (const one of [...wild, topic]) one.unsubscribe()
    await until(() => ofClient.story.length > 1)
    const told = ['start stock.a*', 'stop stock.a*']
    assert.deepEqual([ofServer.story, ofClient.story, all.story.length], [told, told, 8])
    const late = provider()
    await pubsub.subscribe('stock.*', () => {})
    server.pubsub.listen('stock.>', late.provide)
    assert.deepEqual(late.story, [])
  })

  it('may publish at once: the subscriber gets it', async () => {
    const { server, open } = world(use)
    const { pubsub } = await open()
    server.pubsub.listen('a.*', name => server.pubsub.publish(name, 'from the server'))
    const { values, handler } = notes()
    await pubsub.subscribe('a.b', handler)
    await until(() => values.length === 1)
    assert.deepEqual(values, ['from the server'])
  })

  it('do not notice a wire that is lost, and begin anew in a new session', async () => {
    const { network, server, open } = world(use)
    const { client, pubsub } = await open()
    const [ofServer, ofClient] = [provider(), provider()]
    server.pubsub.listen('a', ofServer.provide)
    await pubsub.subscribe('a', () => {})
    await pubsub.listen('a', ofClient.provide)
    await until(() => ofClient.story.length === 1)
    network.cut()
    await until(() => client.state === 'open')
    await turns()
    assert.deepEqual([ofServer.story, ofClient.story], [['start a'], ['start a']])
    const [peer] = server.peers
    peer?.end(4000)
    await until(() => ofClient.story.length === 3)
    assert.deepEqual(ofClient.story, ['start a', 'stop a', 'start a'])
    assert.deepEqual(ofServer.story, ['start a', 'stop a', 'start a'])
  })

  it('that fail are reported', async () => {
    const { server, open, errors: reported } = world(use)
    const { pubsub, errors } = await open()
    server.pubsub.listen('a', () => {
      throw new Error('of a provider')
    })
    await pubsub.listen('a', () => Promise.reject(new Error('of another')))
    await pubsub.subscribe('a', () => {})
    await until(() => errors.length === 1)
    assert.deepEqual([errors, reported], [['ERR_HANDLER'], ['ERR_HANDLER pubsub a']])
  })

  it('has no provider called that was taken back, or for who has gone, while others were called', () => {
    const { server } = world(use)
    const { pubsub } = server
    const called: string[] = []
    const ends: (() => void)[] = []
    const end = (): void => ends.splice(0).forEach(undo => undo())
    const provider =
      (who: string) =>
      (topic: string, signal: AbortSignal): void => {
        end()
        called.push(`${who} ${topic}`)
        signal.addEventListener('abort', () => called.push(`${who} ${topic} over`))
      }
    const undos = ['one', 'two'].map(who => pubsub.listen('a.*', provider(who)))
    ends.push(...undos.slice(1))
    const undo = pubsub.subscribe('a.1', () => {})
    assert.deepEqual(called.splice(0), ['one a.1'])
    pubsub.subscribe('b.1', () => {})
    ends.push(pubsub.subscribe('b.2', () => {}))
    pubsub.listen('b.*', provider('three'))
    assert.deepEqual(called.splice(0), ['three b.1'])
    undo()
    assert.deepEqual(called, ['one a.1 over'])
  })
})
