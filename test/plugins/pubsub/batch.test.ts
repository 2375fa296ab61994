import assert from 'node:assert/strict'
import type { Rule } from '../../../plugins/permissions/index.ts'
import type { Data, Wire } from '../../../lib/transformer.ts'
import { guard, undoing } from '../../support/faults-guard.ts'
import { until } from '../../support/faults-wait.ts'
import { world } from '../../support/pubsub.ts'

/*
 * Batches as they are on the wire: frames that a stranger wrote, and each frame that comes back. The lane of pubsub is the first
 * one, so its frames begin with !A.
 */

const FATES = ['allow', 'deny', 'error', 'delay', 'delay and deny', 'delay and error'] as const
type Fate = (typeof FATES)[number]

/** Every list of so many fates. */
const mixes = (count: number): Fate[][] =>
  count === 0 ? [[]] : mixes(count - 1).flatMap(rest => FATES.map(fate => [fate, ...rest]))

describe('pubsub: batches on the wire', () => {
  guard()
  const use = undoing()

  it('are answered item by item, in every mix of allow, deny, error and delay', async () => {
    const later: (() => void)[] = []
    const decide: Rule<string> = ({ name }) => {
      const fate = name.split('.')[1] ?? ''
      const answer = (): boolean => {
        if (fate.endsWith('error')) throw new Error('of a rule')
        return !fate.endsWith('deny')
      }
      if (!fate.startsWith('delay')) return answer()
      return new Promise<void>(resolve => later.push(resolve)).then(answer)
    }
    const { network, server } = world(use, { rules: { pubsub: decide } })
    const delivered: unknown[] = []
    server.pubsub.subscribe('>', (value, { topic }) => delivered.push([topic, value]))
    server.on('error', () => {})

    let wire: Wire | undefined
    const frames: string[] = []
    const nothing = (): void => {}
    network.dial(
      new URL('http://memory/anywire?anywire=1'),
      {
        open: opened => (wire = opened),
        message: (data: Data) => frames.push(`${data}`),
        drain: nothing,
        close: nothing
      },
      new AbortController().signal
    )
    await until(() => wire !== undefined)
    wire?.send(
      '!0' +
        JSON.stringify({ v: 1, parser: 'json', plugins: [['pubsub', 1]], limit: 1e6, window: 1e6, auth: 'stranger' })
    )
    await until(() => frames.length === 1)
    assert.match(frames[0] ?? '', /^!1.*,false,\["pubsub"\],/)
    const [peer] = server.peers
    assert.ok(peer)

    /** What came over the lane since this was asked last, in an order of its own. */
    const answers = (): unknown[] => {
      const packets = frames.splice(0).flatMap(frame => (frame.startsWith('!A') ? [frame.slice(2)] : []))
      return packets.toSorted((one, other) => one.localeCompare(other)).map(text => JSON.parse(text) as unknown)
    }
    answers()

    let batch = 0
    for (const fates of mixes(3)) {
      batch++
      const names = fates.map((fate, index) => `${'abc'[index]}${batch}.${fate}`)
      const [subscribe = '', publish = '', tell = ''] = names
      const items = [
        [1, 0, subscribe, 'client'],
        [2, 1, publish, 0, 0, batch],
        [0, 1, tell, 0, 0]
      ]
      wire?.send(`!A${JSON.stringify(items)}`)
      const delays = fates.filter(fate => fate.startsWith('delay')).length
      await until(() => later.length === delays)
      // The last one first, so that no answer comes in its turn.
      for (const release of later.splice(0).reverse()) release()
      const isAllowed = (index: number): boolean => fates[index] === 'allow' || fates[index] === 'delay'
      const denied = (verb: string, name: string): readonly string[] => [
        'ERR_DENIED',
        `The permissions of the server do not allow this: '${verb}' of '${name}'`
      ]
      const count = isAllowed(2) ? 2 : 3
      await until(() => frames.filter(frame => frame.startsWith('!A')).length === count)
      const { epoch } = server.pubsub.history('x')
      const expected = [
        isAllowed(0) ? [-1, 0, 0, epoch, 0] : [-1, ...denied('subscribe', subscribe)],
        isAllowed(1) ? [-2, 0, 1] : [-2, ...denied('publish', publish)],
        ...(isAllowed(2) ? [] : [[0, tell, ...denied('publish', tell)]])
      ]
      const order = (packets: unknown[]): string[] =>
        packets.map(packet => JSON.stringify(packet)).toSorted((one, other) => one.localeCompare(other))
      assert.deepEqual(order(answers()), order(expected), fates.join())
      assert.deepEqual([...peer.pubsub], isAllowed(0) ? [subscribe] : [], fates.join())
      const told = [...(isAllowed(1) ? [[publish, batch]] : []), ...(isAllowed(2) ? [[tell, undefined]] : [])]
      assert.deepEqual(order(delivered.splice(0)), order(told), fates.join())
      wire?.send(`!A${JSON.stringify([[1]])}`)
      await until(() => peer.pubsub.size === 0)
    }
    assert.equal(batch, 6 ** 3)
  })
})
