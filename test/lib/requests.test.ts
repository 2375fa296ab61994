import assert from 'node:assert/strict'
import { spy } from 'sinon'
import type { ConnectionEvents, State } from '../../lib/connection.ts'
import { Emitter } from '../../lib/emitter.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_ENCODE } from '../../lib/failures.ts'
import { LATER, makeRequests, packetsOf } from '../../lib/requests.ts'
import type { Request } from '../../lib/requests.ts'
import { turns } from '../support/faults-wait.ts'

/** A connection under control, and a lane that notes what is written. */
class Host extends Emitter<ConnectionEvents> {
  id = 'first'
  state: State = 'open'
  readonly written: unknown[] = []
  /** Throws for what cannot be sent. */
  check: (value: unknown) => void = () => {}

  write(value: unknown): boolean {
    this.check(value)
    this.written.push(value)
    return true
  }

  /** Another session begins. */
  begin(id: string): void {
    this.id = id
    this.state = 'open'
    this.emit('open', { recovered: false })
  }

  /** What the end waits for. */
  readonly finishes: (() => unknown)[] = []

  before(finish: () => unknown): () => void {
    this.finishes.push(finish)
    return () => {}
  }

  close(): void {
    this.id = ''
    this.state = 'closed'
    this.emit('close', { code: 1000, reason: '', reconnect: false, after: 0 })
  }
}

const turn = async (): Promise<void> => {
  for (let count = 0; count < 5; count++) await Promise.resolve()
}

/** Requests by name. */
const requestsOf = (host: Host, other: (packet: readonly unknown[]) => void = () => {}) => {
  const [ask, end, , hear, , , waiting, sent] = makeRequests(host, host, other)
  return { ask, end, hear, waiting, sent }
}

/** What becomes of promises: values, codes, or '' while they wait. */
const outcomes = (promises: readonly Promise<unknown>[]): unknown[] => {
  const all: unknown[] = promises.map(() => '')
  for (const [index, promise] of promises.entries()) {
    promise.then(
      value => void (all[index] = value),
      (error: unknown) => void (all[index] = error instanceof Error && 'code' in error && error.code)
    )
  }
  return all
}

const first = (...values: readonly unknown[]): unknown => values[0]

describe('requests over a lane', () => {
  let host: Host

  beforeEach(() => {
    host = new Host()
  })

  it('leave together at the end of the turn, one alone without a list; answers come alone or in lists', async () => {
    const others: unknown[] = []
    const requests = requestsOf(host, packet => others.push(packet))
    const told = outcomes(['a', 'b', 'c'].map(name => requests.ask({ packet: [name], done: first })))
    assert.deepEqual(host.written, [])
    await turn()
    void requests.ask({ packet: ['alone'], done: first })
    await turn()
    assert.deepEqual(host.written, [
      [
        [1, 'a'],
        [2, 'b'],
        [3, 'c']
      ],
      [4, 'alone']
    ])
    requests.hear([[-2, 0, 'answer']])
    requests.hear([
      [-1, 'ERR_DENIED', 'a hint'],
      [-1, 0, 'too late'],
      ['another', 1],
      [-3, 0, 'also']
    ])
    await turn()
    assert.deepEqual(told, ['ERR_DENIED', 'answer', 'also'])
    requests.hear([['other', 1]])
    for (const value of [null, {}, 5, 'x', [[], 5], [-99, 0]]) requests.hear(packetsOf(value))
    assert.deepEqual(others, [['another', 1], ['other', 1], []])
  })

  it('are answered with more than a call takes arguments: what nobody knows of is left out', async () => {
    const requests = requestsOf(host)
    const heard: number[] = []
    const told = outcomes([
      requests.ask({ packet: ['a'], done: first, heard: (...values) => heard.push(values.length) })
    ])
    await turn()
    const values = Array.from({ length: 210_000 }, (_, index) => index)
    requests.hear([
      [-1, 1, ...values],
      [-1, 0, ...values]
    ])
    await turn()
    assert.deepEqual(told, [0])
    assert(heard[0] && heard[0] < 100)
  })

  it('that are ended before the end of the turn are never sent', async () => {
    const requests = requestsOf(host)
    const ended: Request = { packet: ['ended'], done: first }
    const told = outcomes([requests.ask(ended), requests.ask({ packet: ['a'], done: first })])
    assert.equal(requests.end(ended), true)
    await turn()
    assert.deepEqual([host.written, told], [[[1, 'a']], ['ERR_CANCELLED', '']])
    host.close()
  })

  it('are each judged by themselves where a list cannot be sent', async () => {
    const requests = requestsOf(host)
    host.check = value => {
      if (JSON.stringify(value).includes('bad')) throw Object.assign(new Error('bad'), { code: 'BAD' })
    }
    const names = ['a', 'bad', 'b', 'c', 'bad', 'bad', 'd']
    const told = outcomes(names.map(name => requests.ask({ packet: [name], done: first })))
    await turn()
    for (const packet of host.written.flatMap(packetsOf)) {
      const [number, name] = packet as [number, string]
      requests.hear([[-number, 0, name]])
    }
    await turn()
    assert.deepEqual(told, ['a', 'BAD', 'b', 'c', 'BAD', 'BAD', 'd'])
  })

  it('that the other end leaves for the next session go there in their order, from the first of them on', async () => {
    const requests = requestsOf(host)
    const ask = (name: string) => requests.ask({ packet: [name], done: first })
    const asked = [ask('taken')]
    await turn()
    asked.push(ask('sent'), ask('sent too'))
    await turn()
    asked.push(ask('waits'))
    requests.hear([[-2, LATER]])
    await turn()
    assert.equal(host.written.length, 2, 'nothing more is sent')
    const told = outcomes(asked)
    requests.hear([[-1, 0, 'answer']])
    host.begin('second')
    await turn()
    assert.deepEqual(told, ['answer', '', '', ''])
    assert.deepEqual(host.written.at(-1), [
      [4, 'sent'],
      [5, 'sent too'],
      [6, 'waits']
    ])
    requests.hear([[-7, LATER]])
    asked.push(ask('none'))
    await turn()
    assert.equal(host.written.length, 3, 'nor where nothing was on its way')
    requests.hear([4, 5, 6].map(number => [-number, 0, number]))
    await turn()
    assert.deepEqual(told, ['answer', 4, 5, 6])
    host.close()
    await assert.rejects(Promise.all(asked), { code: 'ERR_CLOSED' })
  })

  it('that the other end leaves in parts, the last first, go to the next session in their order too, and at no more cost', async () => {
    const requests = requestsOf(host)
    const numbers = Array.from({ length: 100 }, (_, index) => index + 1)
    const ask = (name: string) => requests.ask({ packet: [name], done: first })
    const asked = numbers.map(number => ask(`sent ${number}`))
    await turn()
    requests.hear([[-101, LATER]])
    asked.push(...numbers.map(number => ask(`waits ${number}`)))
    const moves = spy(Set.prototype, 'add')
    try {
      requests.hear([
        [-50, 0, 'answer'],
        ...numbers.map(number => [number - 101, LATER]),
        ...numbers.map(() => [-1, LATER])
      ])
      assert.equal(moves.callCount, 99)
    } finally {
      moves.restore()
    }
    host.begin('second')
    await turn()
    const names = ['sent', 'waits'].flatMap(what => numbers.map(number => `${what} ${number}`))
    const again = names.filter(name => name !== 'sent 50')
    assert.deepEqual(
      host.written.at(-1),
      again.map((name, index) => [101 + index, name])
    )
    host.close()
    assert.deepEqual(await Promise.race([asked[49], asked[0]?.catch(() => '')]), 'answer')
    await assert.rejects(Promise.all(asked), { code: 'ERR_OUTCOME_UNKNOWN' })
  })

  it('that stay are asked again in the next session, and others fail as their outcome is unknown', async () => {
    const requests = requestsOf(host)
    const story: string[] = []
    const stays: Request = {
      packet: ['stays'],
      again: true,
      stays: true,
      done: () => story.push('done'),
      lost: () => story.push('lost')
    }
    const told = outcomes([
      requests.ask(stays),
      requests.ask({ packet: ['once'], done: first }),
      requests.ask({ packet: ['again'], again: true, done: first })
    ])
    await turn()
    requests.hear([[-1, 0]])
    host.begin('second')
    await turn()
    assert.deepEqual(host.written.at(-1), [
      [4, 'stays'],
      [5, 'again']
    ])
    requests.hear([[-4, 0]])
    requests.hear([[-5, 0, 'yes']])
    await turn()
    assert.deepEqual(
      [told, story],
      [
        [1, 'ERR_OUTCOME_UNKNOWN', 'yes'],
        ['done', 'lost', 'done']
      ]
    )
    assert.equal(requests.end(stays), true)
    assert.equal(requests.end(stays), false)
    assert.deepEqual([host.written.at(-1), story.at(-1)], [[4], 'lost'])
  })

  it('hold the end until they are answered, and those that want no answer until they are sent', async () => {
    const { ask, hear } = requestsOf(host)
    host.state = 'away'
    void ask({ packet: ['answered'], done: first })
    void ask({ packet: ['unanswered'] })
    let isOver = false
    const ends = host.finishes.map(finish => finish())
    void Promise.all(ends).then(() => (isOver = true))
    await turn()
    assert.equal(isOver, false)
    host.state = 'open'
    host.emit('open', { recovered: true })
    await turn()
    assert.equal(isOver, false)
    hear([[-1, 0]])
    await turn()
    assert.equal(isOver, true)
    // Nobody says a word to the last one.
    host.state = 'away'
    void ask({ packet: ['unanswered'] })
    isOver = false
    void Promise.all(host.finishes.map(finish => finish())).then(() => (isOver = true))
    await turn()
    assert.equal(isOver, false)
    host.state = 'open'
    host.emit('open', { recovered: true })
    await turn()
    assert.equal(isOver, true)
  })

  it('wait while there is no wire, and fail when there will be none', async () => {
    const requests = requestsOf(host)
    host.state = 'away'
    const told = outcomes([
      requests.ask({ packet: ['a'], done: first }),
      requests.ask({ packet: ['told'] }),
      requests.ask({ packet: ['b'], again: true, stays: true, done: first })
    ])
    await turn()
    assert.deepEqual([host.written, requests.waiting.size], [[], 3])
    host.state = 'open'
    host.emit('open', { recovered: true })
    // What handlers of `open` ask for goes first.
    void requests.ask({ packet: ['first'], done: first }).catch(() => {})
    await turn()
    assert.deepEqual(host.written, [
      [
        [1, 'first'],
        [2, 'a'],
        [0, 'told'],
        [3, 'b']
      ]
    ])
    host.close()
    told.push(...outcomes([requests.ask({ packet: ['late'], done: first })]))
    await turn()
    assert.deepEqual(told.slice(0, 3), ['ERR_OUTCOME_UNKNOWN', '', 'ERR_CLOSED'])
    assert.deepEqual([requests.sent.size, requests.waiting.size], [0, 0])
  })

  describe('that nobody has to wait for', () => {
    const unhandled: unknown[] = []
    const note = (error: unknown): void => void unhandled.push(error)

    beforeEach(() => {
      unhandled.length = 0
      process.on('unhandledRejection', note)
    })

    afterEach(async () => {
      await turns()
      process.off('unhandledRejection', note)
      assert.deepEqual(unhandled, [])
    })

    /** Asks, and is refused. */
    const refuse = async (look: (answer: Promise<unknown>) => unknown, code = 'ERR_DENIED'): Promise<string[]> => {
      const told: string[] = []
      const requests = requestsOf(host)
      look(requests.ask({ packet: ['a'], done: first, untold: error => told.push(error.message) }))
      await turn()
      requests.hear([[-1, code, 'no']])
      await turns()
      return told
    }

    it('are told where nobody does', async () => {
      assert.deepEqual(await refuse(() => {}), ['no'])
      assert.deepEqual(await refuse(() => {}, 'ERR_CLOSED'), [])
    })

    it('reject as any where somebody does, however that is done', async () => {
      const caught: unknown[] = []
      const ways: readonly ((answer: Promise<unknown>) => unknown)[] = [
        answer => answer.catch(error => caught.push(error)),
        answer => answer.then(() => {}).catch(error => caught.push(error)),
        answer => Promise.all([answer, Promise.resolve()]).catch(error => caught.push(error)),
        answer => Promise.allSettled([answer, Promise.resolve()]).then(() => caught.push(answer)),
        async answer => {
          try {
            await answer
          } catch (error) {
            caught.push(error)
          }
        }
      ]
      for (const way of ways) assert.deepEqual(await refuse(way), [])
      assert.equal(caught.length, ways.length)
    })

    it('reject as any where that is so from the beginning', async () => {
      const told: unknown[] = []
      host.check = () => {
        throw new AnywireError(ERR_ENCODE)
      }
      const requests = requestsOf(host)
      const ask = () => requests.ask({ packet: ['a'], done: first, untold: error => told.push(error) })
      await assert.rejects(ask, { code: 'ERR_ENCODE' })
      assert.deepEqual(told, [])
      host.close()
      await assert.rejects(ask, { code: 'ERR_CLOSED' })
      void ask()
      await turns()
      assert.deepEqual(told, [])
    })
  })
})
