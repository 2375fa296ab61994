import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Rule } from '../../../plugins/permissions/index.ts'
import type { TopicOptions } from '../../../plugins/pubsub/index.ts'
import { guard, undoing } from '../../support/faults-guard.ts'
import { runs } from '../../support/faults-seed.ts'
import { turns, until } from '../../support/faults-wait.ts'
import { notes, world } from '../../support/pubsub.ts'

const codeOf = (outcome: PromiseSettledResult<unknown>): string =>
  outcome.status === 'fulfilled' ? 'ok' : String(Reflect.get(Object(outcome.reason), 'code'))

describe('pubsub: permissions', () => {
  const printed = guard()
  const use = undoing()

  it('are asked for each verb and item', async () => {
    const asked: string[] = []
    const rule: Rule<string> = ({ verb, name, value, previous, context }) => {
      asked.push(JSON.stringify([context, verb, name, value, previous]))
      return true
    }
    const { open, server } = world(use, {
      rules: { pubsub: rule },
      pubsub: { topics: { a: { retain: true } } }
    })
    const { pubsub } = await open('ann')
    server.pubsub.publish('a', 'before')
    await Promise.all([
      pubsub.subscribe('a', () => {}),
      pubsub.subscribe('b.*', () => {}),
      pubsub.publish('a', { x: 1 }, { ack: true }),
      pubsub.history('c'),
      pubsub.listen('d.>', () => {})
    ])
    assert.deepEqual(asked, [
      '["ann","subscribe","a",null,null]',
      '["ann","subscribe","b.*",null,null]',
      '["ann","publish","a",{"x":1},"before"]',
      '["ann","history","c",null,null]',
      '["ann","listen","d.>",null,null]'
    ])
  })

  it('that change twice go by what they say last, however long the answer before takes', async () => {
    const gates: ((allowed: boolean) => void)[] = []
    let isSlow = false
    const rule = (): boolean | Promise<boolean> => !isSlow || new Promise(resolve => gates.push(resolve))
    const { open, server } = world(use, { rules: { pubsub: rule } })
    const { pubsub } = await open('ann')
    const { values, handler } = notes()
    await pubsub.subscribe('a', handler)
    await pubsub.listen('b', () => {})
    const refresh = (): void => (server as unknown as { permissions: { refresh(): void } }).permissions.refresh()
    isSlow = true
    refresh()
    await until(() => gates.length === 2)
    isSlow = false
    refresh()
    await turns()
    for (const answer of gates) answer(false)
    await turns()
    assert.equal(server.pubsub.publish('a', 1), 1)
    await until(() => values.length === 1)
  })

  it('that are asked again all the time end what they deny', async () => {
    let isAllowed = true
    const gates: (() => void)[] = []
    const rule = (): boolean | Promise<boolean> =>
      isAllowed || new Promise(resolve => gates.push(() => resolve(isAllowed)))
    const { open, server } = world(use, { rules: { pubsub: rule } })
    const { pubsub } = await open('ann')
    await pubsub.subscribe('a', () => {})
    await pubsub.listen('b', () => {})
    const refresh = (): void => (server as unknown as { permissions: { refresh(): void } }).permissions.refresh()
    isAllowed = false
    const ended = new Set<string>()
    pubsub.on('unsubscribe', ({ topic }) => ended.add(topic))
    // Each answer comes when it is asked again already.
    for (let round = 0; round < 5; round++) {
      const before = gates.splice(0)
      refresh()
      for (const answer of before) answer()
      await turns()
    }
    // Nothing is delivered, whatever the last answer will be.
    assert.equal(server.pubsub.publish('a', 1), 0)
    for (const answer of gates.splice(0)) answer()
    await until(() => ended.size === 2)
    assert.deepEqual([...ended].toSorted(), ['a', 'b'])
    assert.equal(server.pubsub.publish('a', 1), 0)
  })

  describe('that allow at last what an answer before denied suspend it meanwhile', () => {
    const HISTORY = { 'b.*': { history: { size: 10 } } }

    /** A client whose subscriptions wait for the last answer, and what came of them. */
    const suspended = async (topics: Readonly<Record<string, TopicOptions>>, names: readonly string[]) => {
      const gates: ((allowed: boolean) => void)[] = []
      let isSlow = false
      const rule: Rule<string> = ({ verb, name }) =>
        !isSlow || verb !== 'subscribe' || name === 'b.*' || new Promise(resolve => gates.push(resolve))
      const { open, server, peerOf } = world(use, { rules: { pubsub: rule }, pubsub: { topics } })
      const { client, pubsub } = await open('ann')
      const { values, handler } = notes()
      for (const name of names) await pubsub.subscribe(name, handler)
      const refresh = (): void => (server as unknown as { permissions: { refresh(): void } }).permissions.refresh()
      server.pubsub.publish('b.1', 1)
      isSlow = true
      refresh()
      refresh()
      await until(() => gates.length === 2)
      gates[0]?.(false)
      await turns()
      const told: unknown[] = []
      pubsub.on('subscribe', ({ topic, recovered, missed }) => told.push([topic, recovered, missed]))
      return { server, pubsub, peer: peerOf(client), values, told, gates, refresh }
    }

    it('and it has what it missed, where there is a history', async () => {
      const { server, pubsub, values, told, gates } = await suspended(HISTORY, ['b.1'])
      server.pubsub.publish('b.1', 2)
      await pubsub.publish('b.1', 'own', { ack: true, echo: false })
      assert.deepEqual(values, [1])
      gates[1]?.(true)
      server.pubsub.publish('b.1', 3)
      await turns()
      server.pubsub.publish('b.1', 4)
      await until(() => values.length === 4)
      assert.deepEqual([values, told], [[1, 2, 3, 4], [['b.1', true, false]]])
    })

    it('and it is told that it may have missed something, where there is none; or it ends', async () => {
      const { server, pubsub, values, told, gates, refresh } = await suspended({}, ['b.1'])
      assert.equal(server.pubsub.publish('b.1', 2), 0)
      gates[1]?.(true)
      await turns()
      assert.equal(server.pubsub.publish('b.1', 3), 1)
      await until(() => values.length === 2)
      assert.deepEqual([values, told], [[1, 3], [['b.1', false, true]]])
      refresh()
      gates[2]?.(false)
      const ended = new Promise(resolve => pubsub.on('unsubscribe', ({ topic }) => resolve(topic)))
      assert.equal(await ended, 'b.1')
      assert.equal(server.pubsub.publish('b.1', 4), 0)
    })

    it('and nothing comes twice that another subscription has brought', async () => {
      const { server, values, told, gates } = await suspended(HISTORY, ['b.1', 'b.*'])
      server.pubsub.publish('b.1', 2)
      await until(() => values.length === 4)
      gates[1]?.(true)
      await until(() => told.length === 1)
      assert.deepEqual([values, told], [[1, 1, 2, 2], [['b.1', false, true]]])
    })

    it("and what is missed is not told where the server's application subscribes its client meanwhile", async () => {
      const { server, peer, values, told } = await suspended(HISTORY, ['b.1'])
      server.pubsub.publish('b.1', 2)
      peer.pubsub.subscribe('b.1')
      server.pubsub.publish('b.1', 3)
      await until(() => values.length === 2)
      assert.deepEqual([values, told], [[1, 3], [['b.1', false, true]]])
    })
  })

  it('that allow something while the answer before is on its way allow it', async () => {
    let allowed = false
    const gates: (() => void)[] = []
    const rule = (): Promise<boolean> => {
      const decision = allowed
      return new Promise(resolve => gates.push(() => resolve(decision)))
    }
    const { open, server } = world(use, { rules: { pubsub: rule } })
    const { pubsub } = await open('ann')
    const subscribed = pubsub.subscribe('a', () => {})
    await until(() => gates.length === 1)
    allowed = true
    ;(server as unknown as { permissions: { refresh(): void } }).permissions.refresh()
    gates.shift()?.()
    await until(() => gates.length === 1)
    gates.shift()?.()
    assert.equal((await subscribed).recovered, false)
  })

  it('tell a client of what is denied, and nobody waited or listened for', async () => {
    const { open } = world(use, { rules: {} })
    const { client: ann } = await open('ann')
    const errors: string[] = []
    ann.on('error', ({ message, code }) => errors.push(`${message.split(': ')[1]} ${code}`))
    void ann.pubsub.subscribe('closed', () => {})
    void ann.pubsub.listen('served', () => {})
    void ann.pubsub.publish('closed', 1, { ack: true })
    await until(() => errors.length === 3)
    assert.deepEqual(errors, [
      "'subscribe' of 'closed' ERR_DENIED",
      "'listen' of 'served' ERR_DENIED",
      "'publish' of 'closed' ERR_DENIED"
    ])
    const ended = new Promise(resolve => ann.pubsub.on('unsubscribe', ({ topic }) => resolve(topic)))
    void ann.pubsub.subscribe('closed', () => {})
    assert.equal(await ended, 'closed')
    await turns()
    assert.equal(errors.length, 3)
  })

  it('keep what is denied from everybody, and tell who asked', async () => {
    const { open, server } = world(use, {
      rules: {
        pubsub: { subscribe: { open: true, closed: ({ context }) => context === 'bob' }, publish: { open: true } }
      }
    })
    const [ann, bob] = [await open('ann'), await open('bob')]
    const [hers, his] = [notes(), notes()]
    await bob.pubsub.subscribe('closed', his.handler)
    await assert.rejects(ann.pubsub.subscribe('closed', hers.handler), { code: 'ERR_DENIED' })
    const refused: unknown[] = []
    ann.pubsub.on('refuse', ({ topic, error }) => refused.push([topic, error?.code]))
    ann.pubsub.publish('closed', 1)
    await assert.rejects(ann.pubsub.publish('closed', 2, { ack: true }), { code: 'ERR_DENIED' })
    await assert.rejects(ann.pubsub.history('closed'), { code: 'ERR_DENIED' })
    await assert.rejects(
      ann.pubsub.listen('closed', () => {}),
      { code: 'ERR_DENIED' }
    )
    assert.deepEqual(refused, [['closed', 'ERR_DENIED']])
    server.pubsub.publish('closed', 3)
    await until(() => his.values.length === 1)
    assert.deepEqual([hers.values, his.values], [[], [3]])
  })

  it('end what goes on when they are refreshed', async () => {
    let allowed = true
    const { open, server, peerOf } = world(use, {
      rules: {
        pubsub: {
          subscribe: { now: () => allowed, later: async () => allowed, '*': true },
          listen: () => allowed
        }
      }
    })
    const { client, pubsub } = await open()
    const ended: unknown[] = []
    pubsub.on('unsubscribe', ({ topic, error }) => ended.push(`${topic} ${error?.code}`))
    const { values, handler } = notes()
    const served: AbortSignal[] = []
    await Promise.all([
      ...['now', 'later', 'other'].map(name => pubsub.subscribe(name, handler)),
      pubsub.listen('served', (_name, signal) => served.push(signal))
    ])
    const peer = peerOf(client)
    peer.pubsub.subscribe('now.too')
    const undo = server.pubsub.subscribe('served', () => {})
    await until(() => served.length === 1)
    server.permissions.refresh(peer)
    allowed = false
    server.permissions.refresh(() => false)
    await turns()
    assert.deepEqual(ended, [])
    server.permissions.refresh(peer)
    assert.equal(server.pubsub.publish('now', 1), 0)
    await until(() => ended.length === 3)
    server.pubsub.publish('later', 2)
    server.pubsub.publish('other', 3)
    await until(() => values.length === 1)
    assert.deepEqual(ended.map(String).toSorted(), ['later ERR_DENIED', 'now ERR_DENIED', 'served ERR_DENIED'])
    assert.deepEqual([values, [...peer.pubsub], served[0]?.aborted], [[3], ['other', 'now.too'], true])
    undo()
  })

  it('count as they are when the answer comes', async () => {
    const answers: ((allowed: boolean) => void)[] = []
    const { open, server, peerOf } = world(use, {
      rules: { pubsub: () => new Promise<boolean>(resolve => answers.push(resolve)) }
    })
    const { client, pubsub } = await open()
    const subscribed = pubsub.subscribe('a', () => {})
    await until(() => answers.length === 1)
    server.permissions.refresh()
    answers[0]?.(true)
    await until(() => answers.length === 2)
    answers[1]?.(false)
    await assert.rejects(subscribed, { code: 'ERR_DENIED' })
    assert.equal(peerOf(client).pubsub.size, 0)
  })

  it('that take their time keep the order of one topic, and hold up no other', async () => {
    const answers: (() => void)[] = []
    const { open, server } = world(use, {
      rules: {
        pubsub: {
          publish: {
            slow: ({ value }) =>
              value === 1 || value === 3 ? new Promise(resolve => answers.push(() => resolve(true))) : value !== 'no',
            fast: true
          }
        }
      }
    })
    const { pubsub } = await open()
    const heard: unknown[] = []
    const refused: unknown[] = []
    server.pubsub.subscribe('>', (value, { topic }) => heard.push(`${topic} ${String(value)}`))
    pubsub.on('refuse', ({ topic }) => refused.push(topic))
    for (const value of [0, 1, 2, 'no', 3, 4]) {
      pubsub.publish('slow', value)
      pubsub.publish('fast', value)
    }
    await until(() => heard.length === 7)
    assert.deepEqual(heard, ['slow 0', 'fast 0', 'fast 1', 'fast 2', 'fast no', 'fast 3', 'fast 4'])
    heard.length = 0
    answers[0]?.()
    await until(() => answers.length === 2 && refused.length === 1)
    assert.deepEqual(heard, ['slow 1', 'slow 2'])
    answers[1]?.()
    await until(() => heard.length === 4)
    assert.deepEqual(heard, ['slow 1', 'slow 2', 'slow 3', 'slow 4'])
    pubsub.publish('slow', 5)
    await until(() => heard.length === 5)
  })

  it('that never answer hold no more than a limit', async () => {
    const { open } = world(use, {
      rules: { pubsub: () => new Promise<boolean>(() => {}) },
      pubsub: { limits: { pending: 5 } }
    })
    const { pubsub } = await open()
    const outcomes: unknown[] = []
    for (let count = 0; count < 8; count++) {
      pubsub
        .publish(`a${count % 2}`, count, { ack: true })
        .catch((error: unknown) => outcomes.push(Reflect.get(Object(error), 'code')))
    }
    await until(() => outcomes.length === 3)
    await turns()
    assert.deepEqual(outcomes, ['ERR_LIMIT', 'ERR_LIMIT', 'ERR_LIMIT'])
  })

  it('do not stop an unsubscription from overtaking the subscription that waits for them', async () => {
    const answers: ((allowed: boolean) => void)[] = []
    const { open, server, peerOf } = world(use, {
      rules: { pubsub: () => new Promise<boolean>(resolve => answers.push(resolve)) }
    })
    const { client, pubsub } = await open()
    const { values, handler } = notes()
    const first = pubsub.subscribe('a', handler)
    await until(() => answers.length === 1)
    first.unsubscribe()
    const second = pubsub.subscribe('a', handler)
    await turns()
    answers[0]?.(true)
    await until(() => answers.length === 2)
    assert.equal(peerOf(client).pubsub.size, 0)
    answers[1]?.(true)
    await second
    await assert.rejects(first, { code: 'ERR_CANCELLED' })
    server.pubsub.publish('a', 1)
    await until(() => values.length === 1)
  })

  // What happens to each item of a batch, at once or later.
  const fates = ['allow', 'deny', 'throw', 'allow later', 'deny later', 'reject later'] as const
  const kinds = ['subscribe', 'publish', 'tell', 'history', 'listen'] as const

  it('judge each item of a batch by itself, whatever becomes of the others', async () => {
    const answers: (() => void)[] = []
    const decide: Rule<string> = ({ name }) => {
      const [fate = '', when] = (name.split('.')[1] ?? '').split(' ')
      const act = (): boolean => {
        if (fate === 'throw' || fate === 'reject') throw new Error('of a rule')
        return fate === 'allow'
      }
      if (when === undefined) return act()
      return new Promise((resolve, reject) => {
        answers.push(() => {
          try {
            resolve(act())
          } catch (error) {
            reject(error instanceof Error ? error : new Error('of a rule'))
          }
        })
      })
    }
    const { open, server, peerOf } = world(use, { rules: { pubsub: decide } })
    const item = fc.record({ kind: fc.constantFrom(...kinds), fate: fc.constantFrom(...fates) })
    const batch = fc.uniqueArray(item, { minLength: 1, maxLength: 30, selector: ({ kind, fate }) => `${kind} ${fate}` })
    await fc.assert(
      fc.asyncProperty(batch, fc.array(fc.nat(), { maxLength: 30 }), async (items, order) => {
        const { client, pubsub } = await open()
        const refused: string[] = []
        const delivered: string[] = []
        const undo = server.pubsub.subscribe('>', (_value, { topic }) => delivered.push(topic))
        pubsub.on('refuse', ({ topic }) => refused.push(topic))
        const outcomes = items.map(({ kind, fate }, index) => {
          const name = `${kind}.${fate}.${index}`
          if (kind === 'subscribe') return pubsub.subscribe(name, () => {})
          if (kind === 'publish') return pubsub.publish(name, index, { ack: true })
          if (kind === 'history') return pubsub.history(name)
          if (kind === 'listen') return pubsub.listen(name, () => {})
          pubsub.publish(name, index)
          return undefined
        })
        const settled = Promise.allSettled(outcomes.map(async outcome => outcome))
        const later = items.filter(({ fate }) => fate.endsWith('later')).length
        await until(() => answers.length === later)
        for (const pick of order) answers.splice(pick % Math.max(1, answers.length), 1)[0]?.()
        for (const answer of answers.splice(0)) answer()
        const expected = items.map(({ kind, fate }) =>
          fate.startsWith('allow') || kind === 'tell' ? 'ok' : 'ERR_DENIED'
        )
        assert.deepEqual((await settled).map(codeOf), expected)
        const names = (wanted: readonly string[], allowed: boolean): string[] =>
          items.flatMap(({ kind, fate }, index) =>
            wanted.includes(kind) && fate.startsWith('allow') === allowed ? [`${kind}.${fate}.${index}`] : []
          )
        await until(() => refused.length === names(['tell'], false).length)
        assert.deepEqual(refused.toSorted(), names(['tell'], false).toSorted())
        await until(() => delivered.length === names(['publish', 'tell'], true).length)
        assert.deepEqual(delivered.toSorted(), names(['publish', 'tell'], true).toSorted())
        assert.deepEqual([...peerOf(client).pubsub].toSorted(), names(['subscribe'], true).toSorted())
        undo()
        client.destroy()
      }),
      runs(60)
    )
    assert.deepEqual(printed, [])
  })
})
