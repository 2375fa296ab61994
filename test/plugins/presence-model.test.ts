import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { presence as inBrowsers } from '../../plugins/presence/client.ts'
import { presence } from '../../plugins/presence/index.ts'
import type { ServerPresence } from '../../plugins/presence/index.ts'
import { permissions } from '../../plugins/permissions/index.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { Clocked } from '../support/clocked.ts'
import { runs } from '../support/faults-seed.ts'

/** What an application does, or the network, one after the other; `pass` lets all that is on its way arrive. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('enter'), isAllowed: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ type: 'enter', isAllowed: undefined }) },
  { weight: 2, arbitrary: fc.constant({ type: 'update' }) },
  { weight: 3, arbitrary: fc.constant({ type: 'leave' }) },
  { weight: 2, arbitrary: fc.constantFrom({ type: 'watch' }, { type: 'unwatch' }) },
  { weight: 2, arbitrary: fc.constant({ type: 'cut' }) },
  { weight: 1, arbitrary: fc.constant({ type: 'reopen' }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('pass'), time: fc.constantFrom(0, 1, 20, 5_000) }) }
)

type Step = { readonly type: string; readonly isAllowed?: boolean | undefined; readonly time?: number }

const play = async (steps: readonly Step[], wait: number): Promise<void> => {
  const enter = ({ value }: { readonly value: unknown }): boolean | Promise<boolean> => {
    const { isAllowed } = value as { readonly isAllowed: boolean }
    return wait ? new Promise(resolve => setTimeout(resolve, wait, isAllowed)) : isAllowed
  }
  const plugins = [permissions({ presence: { enter, watch: true } }), presence()]
  // The plugins of this test are not in the type of the world's server.
  const world = new Clocked({ plugins: plugins as never })
  try {
    await check(world, steps)
  } finally {
    await world.end()
  }
}

const check = async (world: Clocked, steps: readonly Step[]): Promise<void> => {
  const client = world.connect([reconnect({ min: 1, max: 10 }), inBrowsers()])
  const other = world.connect([reconnect({ min: 1, max: 10 }), inBrowsers()]).presence('room')
  const place = client.presence<object>('room')
  const open = new Set<Promise<unknown>>()
  const note = (promise: Promise<unknown>): void => {
    open.add(promise)
    promise.catch(() => {}).finally(() => open.delete(promise))
  }
  void other.watch()
  await world.pass(10)
  for (const [number, { type, isAllowed, time }] of steps.entries()) {
    if (type === 'enter') note(place.enter(isAllowed === undefined ? { big: 1n } : { number, isAllowed }))
    else if (type === 'update') place.update({ number, isAllowed: true })
    else if (type === 'leave') note(place.leave())
    else if (type === 'watch') note(place.watch())
    else if (type === 'unwatch') note(place.unwatch())
    else if (type === 'cut') world.network.cut()
    else if (type === 'reopen') {
      client.destroy()
      client.open()
    } else await world.pass(time)
  }
  // Whoever is away for 20 seconds is gone, and others are told a little later.
  await world.pass(21_000)
  const there = (world.server as unknown as { readonly presence: ServerPresence }).presence.members('room')
  assert.equal(there.length, place.isIn ? 1 : 0, 'both ends have the same')
  assert.deepEqual(other.members(), there)
  assert.equal(open.size, 0, 'what was asked for is answered')
}

describe('presence: whatever a client does, and the network', () => {
  for (const wait of [0, 30]) {
    it(`both ends have the same in the end, with rules that take ${wait} ms`, () =>
      fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 12 }), steps => play(steps, wait)),
        runs(60)
      ))
  }
})
