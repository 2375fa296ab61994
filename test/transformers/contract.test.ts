import assert from 'node:assert/strict'
import type { ClientTransformer, Receiver, Wire } from '../../core.ts'
import { memory } from '../../transformers/memory/index.ts'
import { CheckedReceiver } from '../contract/checked-receiver.ts'
import { Links } from '../contract/links.ts'

// The suite would be worth nothing if it did not see what it is there for.

const quiet: Wire = { buffered: 0, send: () => true, close: () => {}, abort: () => {} }

describe('the contract of transformers sees', () => {
  const broken: readonly [rule: RegExp, act: (receiver: Receiver) => void][] = [
    [/open was called twice/, receiver => [receiver.open(quiet), receiver.open(quiet)]],
    [/open after close/, receiver => [receiver.close(1000, ''), receiver.open(quiet)]],
    [/message before open/, receiver => receiver.message('x')],
    [/drain before open/, receiver => receiver.drain()],
    [/message after close/, receiver => [receiver.open(quiet), receiver.close(1000, ''), receiver.message('x')]],
    [/drain after close/, receiver => [receiver.open(quiet), receiver.close(1000, ''), receiver.drain()]],
    [/close was called twice/, receiver => [receiver.close(1000, ''), receiver.close(1000, '')]],
    [/close with the code 0/, receiver => receiver.close(0, '')],
    [/close with the code NaN/, receiver => receiver.close(NaN, '')],
    [/neither text nor bytes/, receiver => [receiver.open(quiet), receiver.message([1] as unknown as string)]]
  ]
  for (const [rule, act] of broken) {
    it(`a receiver that is called wrongly: ${rule.source}`, () => {
      const receiver = new CheckedReceiver()
      act(receiver)
      assert.match(receiver.violations.join(), rule)
    })
  }

  it('nothing where the rules are kept', () => {
    const receiver = new CheckedReceiver()
    receiver.open(quiet)
    receiver.message('')
    receiver.message(new Uint8Array(0))
    receiver.drain()
    receiver.close(1006, '', new Error('dead'))
    receiver.wire.send('late')
    assert.deepEqual(receiver.violations, [])
  })

  it('a wire that throws, or answers nonsense', () => {
    const receiver = new CheckedReceiver()
    const fail = (): never => {
      throw new Error('dead')
    }
    receiver.open({ buffered: -1, send: () => undefined as unknown as boolean, close: fail, abort: fail })
    receiver.wire.send('x')
    receiver.wire.close(1000, '')
    receiver.wire.abort()
    void receiver.wire.buffered
    assert.deepEqual(receiver.violations, [
      'send returned undefined',
      'close threw: Error: dead',
      'abort threw: Error: dead',
      'buffered is -1'
    ])
  })

  it('an end that comes twice, by the end of a test', async () => {
    const network = memory()
    const twice: ClientTransformer = {
      name: 'twice',
      supports: network.supports,
      dial: (url, receiver, signal) => {
        const close: Receiver['close'] = (...end) => {
          receiver.close(...end)
          setImmediate(() => receiver.close(...end))
        }
        const { open, message, drain } = receiver
        network.dial(
          url,
          { open: open.bind(receiver), message: message.bind(receiver), drain: drain.bind(receiver), close },
          signal
        )
      }
    }
    const links = await Links.start({ server: network, client: twice, start: () => 'http://memory' })
    await links.pair()
    await assert.rejects(links.close(), /close was called twice/)
  })

  it('what it waits for in vain', async () => {
    const receiver = new CheckedReceiver()
    receiver.open(quiet)
    const waiting = receiver.received(1)
    receiver.close(4000, 'bye')
    await assert.rejects(waiting, /1 messages.*4000 bye/)
    await assert.rejects(receiver.received(1))
    assert.deepEqual(await receiver.closed(), { code: 4000, reason: 'bye', error: undefined })
  })
})
