import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import sinon from 'sinon'
import { Workshop } from './support/workshop.ts'

/** What each example prints, whatever the order of what comes from several ends. */
const PRINTED: Readonly<Record<string, readonly string[]>> = {
  pubsub: [
    'news.sport #1: They won',
    'received by 1',
    'news.sport #2: They lost',
    'recovered: true',
    'history: They won, They lost',
    'time.utc is wanted',
    'time.utc is not wanted any more'
  ],
  rpc: [
    '1 + 2 = 3',
    '3',
    '2',
    '1',
    'NO_FUNDS {"balance":3}',
    'confirmed: true',
    'by a worker: 42',
    'asked by the server: 8',
    'too much: ERR_NO_PROVIDER'
  ],
  presence: [
    'Bob is here',
    'Bob is here (2)',
    'Bob is typing (2)',
    'the server knows 1',
    'Bob is here (1)',
    'Bob left'
  ],
  permissions: [
    'a reader reads the news: yes',
    'news.drafts ended: ERR_DENIED',
    'a reader reads drafts: ERR_DENIED',
    'a reader writes: ERR_DENIED',
    'anybody does anything else: ERR_DENIED',
    'a wrong token is accepted: ERR_UNAUTHORIZED',
    'the new token is accepted: yes',
    'an editor reads drafts: yes',
    'an editor writes: yes',
    'news.drafts ended: ERR_DENIED'
  ],
  http: [
    'a page hears orders.7 {"paid":true}',
    `200 [{"value":1},{"error":{"code":"ERR_DENIED","message":"The permissions of the server do not allow this: 'publish' of 'secrets'"}},{"value":{"article":"pear","left":4}},{"error":{"code":"ERR_DENIED","message":"The permissions of the server do not allow this: 'call' of 'nothing'"}}]`,
    '401 {"error":{"code":"ERR_UNAUTHORIZED","message":"The server refused the authentication"}}'
  ]
}

const sorted = (lines: readonly string[]): string[] => lines.toSorted((one, other) => one.localeCompare(other))

describe('the examples', () => {
  const workshop = new Workshop()
  const printed: string[] = []

  beforeEach(() => {
    sinon.stub(console, 'log').callsFake((...values: unknown[]) => {
      printed.push(values.map(value => (typeof value === 'string' ? value : JSON.stringify(value))).join(' '))
    })
  })

  afterEach(() => sinon.restore())

  after(() => workshop.close())

  for (const [name, lines] of Object.entries(PRINTED)) {
    it(`run: ${name}`, async () => {
      await workshop.load(readFileSync(`examples/${name}.ts`, 'utf8'))
      assert.deepEqual(sorted(printed.splice(0)), sorted(lines))
    })
  }
})
