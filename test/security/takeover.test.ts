import assert from 'node:assert/strict'
import { Clock } from '../support/faults-clock.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { host } from '../support/faults-pair.ts'
import type { AnyServer } from '../support/faults-pair.ts'
import { hello, RawClient } from '../support/faults-raw.ts'
import { turns, until } from '../support/faults-wait.ts'

describe('who may go on with a session', () => {
  const use = undoing()
  guard()

  /** A session with its wire, a way to come back to it, and what `authenticate` still waits for. */
  const open = async (server: AnyServer = {}) => {
    const waiting: (() => void)[] = []
    const authenticate = ({ auth }: { auth: unknown }): unknown =>
      auth === 'slow' ? new Promise(resolve => waiting.push(() => resolve('user'))) : 'user'
    const hosted = host(use, { server: { authenticate, ...server } })
    const first = await RawClient.dial(hosted.network, { say: [hello()] })
    const { token, id } = await first.welcome()
    const [peer] = hosted.told.peers
    const [log] = hosted.told.logs
    assert.ok(peer && log)
    const back = (more: Record<string, unknown> = {}) =>
      RawClient.dial(hosted.network, { say: [hello({ session: token, got: [0, 0], ...more })] })
    return { ...hosted, first, token, id, peer, log, back, waiting }
  }

  it('is the newest of its links: an older one that was judged slowly is too late', async () => {
    const { first, back, waiting, peer, told } = await open()
    const stale = await back({ auth: 'slow' })
    await until(() => waiting.length === 1)
    first.abort()
    const next = await back()
    assert.equal((await next.welcome()).recovered, true)
    waiting[0]?.()
    assert.equal((await stale.goodbye())[0], 3509)
    peer.write('for the newer')
    await until(() => next.heard.length === 2)
    assert.deepEqual([next.closed, peer.state, told.peers.length], [undefined, 'open', 1])
    assert.deepEqual(
      told.refused.map(({ error }) => error.code),
      ['ERR_REPLACED']
    )
  })

  it('is the newest of its links, also where that one was lost meanwhile', async () => {
    const { first, back, waiting, peer } = await open()
    const stale = await back({ auth: 'slow' })
    await until(() => waiting.length === 1)
    first.abort()
    const next = await back()
    await next.welcome()
    next.abort()
    await until(() => peer.state === 'away')
    waiting[0]?.()
    assert.equal((await stale.goodbye())[0], 3509)
    assert.equal(peer.state, 'away')
    const last = await back()
    assert.equal((await last.welcome()).recovered, true)
  })

  it('is nobody whose counts cannot be: the link that carries the session does not notice', async () => {
    for (const got of [
      [1, 0],
      [0, 1],
      [9e15, 0],
      [3, 4]
    ]) {
      const { first, back, id, peer, log } = await open()
      const other = await back({ got })
      const welcome = await other.welcome()
      assert.deepEqual([welcome.recovered, welcome.id === id], [false, false], `${got}`)
      peer.write('still here')
      first.say('"still there"')
      await until(() => first.heard.length === 2 && log.values.length === 1)
      assert.deepEqual([first.closed, peer.state, log.story], [undefined, 'open', ['open']])
    }
  })

  it('is nobody whose counts cannot be, while the session waits: its client may still come', async () => {
    const { first, back, peer, log } = await open()
    first.abort()
    await until(() => peer.state === 'away')
    const other = await back({ got: [1, 1] })
    assert.equal((await other.welcome()).recovered, false)
    const right = await back()
    assert.equal((await right.welcome()).recovered, true)
    assert.deepEqual(log.story, ['open', 'disconnect', 'recovered'])
  })

  it('is who `same` says, also where it takes its time', async () => {
    const answers = [false, 'yes', undefined, true] as const
    let asked = 0
    const { back, id } = await open({
      recovery: { same: () => turns(2).then(() => answers[asked++] as boolean) }
    })
    for (const answer of answers) {
      const other = await back()
      const welcome = await other.welcome()
      assert.deepEqual([welcome.recovered, welcome.id === id], [answer === true, answer === true], `${answer}`)
      other.abort()
    }
  })

  it('is nobody where `same` fails, and that is told', async () => {
    let sync = true
    const { back, told } = await open({
      recovery: {
        same: () => {
          if (sync) throw new Error('mine')
          return Promise.reject(new Error('mine'))
        }
      }
    })
    for (sync of [true, false]) {
      const other = await back()
      assert.equal((await other.welcome()).recovered, false)
    }
    assert.deepEqual(
      told.errors.map(({ error, stage }) => [error.code, stage]),
      [
        ['ERR_HANDLER', 'same'],
        ['ERR_HANDLER', 'same']
      ]
    )
  })

  it('is nobody once the session is over, or the token was replaced, while `same` takes its time', async () => {
    const waiting: (() => void)[] = []
    const same = (): Promise<boolean> => new Promise(resolve => waiting.push(() => resolve(true)))
    const { back, peer, id } = await open({ recovery: { same } })
    const [late, next] = [await back(), await back()]
    await until(() => waiting.length === 2)
    waiting[1]?.()
    await next.welcome()
    next.say('"confirmed"')
    await turns()
    waiting[0]?.()
    assert.notEqual((await late.welcome()).id, id)
    assert.deepEqual([next.closed, peer.state], [undefined, 'open'])
    const { token } = await next.welcome()
    const last = await back({ session: token, got: [0, 0] })
    await until(() => waiting.length === 3)
    peer.destroy()
    waiting[2]?.()
    assert.equal((await last.goodbye())[0], 1000)
  })

  it('is nobody once the session is over, however shortly before it goes on', async () => {
    for (let ticks = 0; ticks < 12; ticks++) {
      const same = (): Promise<boolean> => {
        void (async () => {
          for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
          peer.destroy()
        })()
        return Promise.resolve(true)
      }
      const { back, peer, log } = await open({ recovery: { same } })
      const next = await back()
      await turns()
      assert.equal(peer.state, 'closed')
      assert.deepEqual([log.closes.length, log.opens.length], [1, 1], `after ${ticks} ticks`)
      assert.ok(next.heard.length > 0 || next.closed, 'it is answered')
    }
  })

  it('is judged in time', async () => {
    const clock = new Clock(use)
    const { back, peer } = await open({ limits: { handshake: 1_000 }, recovery: { same: () => new Promise(() => {}) } })
    const other = await back()
    await turns()
    await clock.pass(1_000)
    assert.equal((await other.goodbye())[0], 3005)
    assert.equal(peer.state, 'open')
  })
})

describe('what a stranger learns', () => {
  const use = undoing()
  guard()

  it('is the version of the protocol, and nothing else', async () => {
    const plugins = [{ name: 'far', version: 2 }]
    let judged = 0
    const authenticate = (): false => (judged++, false)
    const { network } = host(use, { server: { plugins, schema: 7, authenticate } })
    for (const more of [{ plugins: [['far', 1]] }, { plugins: [['near', 1]] }, { schema: 6 }, { parser: 'other' }]) {
      const raw = await RawClient.dial(network, { say: [hello(more)] })
      const [code, reason] = await raw.goodbye()
      assert.equal(code, 3502, JSON.stringify(more))
      assert.doesNotMatch(reason, /far|near|[67]|other/)
    }
    assert.equal(judged, 4)
    const old = await RawClient.dial(network, { say: [hello({ v: 9 })] })
    assert.equal((await old.goodbye())[0], 3501)
    assert.equal(judged, 4)
  })

  it('is nothing where `authenticate` returns an error, or throws one that cannot be told', async () => {
    const { AnywireError } = await import('../../lib/errors.ts')
    const answers = [new Error('mine'), new AnywireError(['ERR_BUSY', 77_777, 'mine'])]
    for (const answer of answers) {
      const { network, told } = host(use, { server: { authenticate: () => answer } })
      const raw = await RawClient.dial(network, { say: [hello()] })
      const [code, reason] = await raw.goodbye()
      assert.equal(code, 3502)
      assert.doesNotMatch(reason, /mine/)
      assert.deepEqual(
        told.errors.map(({ error, stage }) => [error.code, stage]),
        [['ERR_HANDLER', 'authenticate']]
      )
    }
  })
})
