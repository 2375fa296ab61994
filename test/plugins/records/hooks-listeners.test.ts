import assert from 'node:assert/strict'
import type { OnWrite } from '../../../plugins/records/server/hook.ts'
import { codeOf, ProcessWorld } from '../../support/process-world.ts'

interface Audit {
  readonly n?: number
}

/** Notes elsewhere what is made, and waits for that. */
const audited: OnWrite = async ({ records: [written] }) => {
  if (written?.record !== 'orders/1' || written.before) return
  await world.own.get<Audit>('audit/1').set('n', 1).durable
}

let world: ProcessWorld

describe('listeners of the records of the process, which a hook tells of something', () => {
  beforeEach(async () => {
    world = new ProcessWorld({ onWrite: audited })
    await world.opened()
  })

  afterEach(() => world.end())

  const outcomes: string[] = []

  /** What comes of what a listener writes to the record that the hook is about. */
  const react = (): void => {
    void codeOf(world.own.get<{ readonly seen?: boolean }>('orders/1').set('seen', true)).then(code =>
      outcomes.push(code)
    )
  }

  const made = async (): Promise<unknown> => {
    outcomes.length = 0
    await world.pass(5)
    const order = world.records().get<{ readonly n: number }>('orders/1')
    outcomes.push(await Promise.all([codeOf(order.replace({ n: 1 })), world.pass(50)]).then(([code]) => code))
    return order.get()
  }

  it('write as themselves, and not for it: at a record', async () => {
    const audit = world.own.get<Audit>('audit/1')
    audit.subscribe(value => {
      if (value?.n) react()
    })
    assert.deepEqual([await made(), outcomes], [{ n: 1, seen: true }, ['', '']])
  })

  it('write as themselves, and not for it: at an event', async () => {
    const undo = world.own.on('pending', () => {
      undo()
      react()
    })
    assert.deepEqual([await made(), outcomes], [{ n: 1, seen: true }, ['', '']])
  })

  it('write as themselves, and not for it: later too', async () => {
    const audit = world.own.get<Audit>('audit/1')
    await world.pass(5)
    const undo = audit.on('change', async () => {
      undo()
      await Promise.resolve()
      react()
    })
    assert.deepEqual([await made(), outcomes], [{ n: 1, seen: true }, ['', '']])
  })
})
