import assert from 'node:assert/strict'
import { connect as connectCore } from '../../../core.ts'
import { connect } from '../../../index.ts'
import { json } from '../../../parsers/json.ts'
import { http } from '../../../plugins/http/index.ts'
import { permissions } from '../../../plugins/permissions/index.ts'
import { pubsub } from '../../../plugins/pubsub/index.ts'
import { rooms } from '../../../plugins/rooms/index.ts'
import { memory } from '../../../transformers/memory/index.ts'

describe('the options of connect, in Node', () => {
  const core = { transformers: [memory()], parser: json(), open: false }
  const ways = {
    anywire: (options: object) => connect('http://memory', { ...core, ...options }),
    'anywire/core': (options: object) => connectCore('http://memory', { ...core, ...options })
  }

  for (const [name, make] of Object.entries(ways)) {
    it(`of ${name}: what is misspelled is refused, and named`, () => {
      const wrong: Readonly<Record<string, object>> = {
        plugin: { plugin: [] },
        'limits.messages': { limits: { messages: 1 } },
        retry: { retry: { max: 1 } }
      }
      for (const [path, options] of Object.entries(wrong)) {
        assert.throws(() => make(options), {
          code: 'ERR_OPTION',
          message: new RegExp(`there is no option '${path}', but: `)
        })
      }
      make({ plugin: undefined, limits: { message: 2_000, window: undefined }, plugins: [pubsub()] }).destroy()
    })

    it(`of ${name}: a plugin that only servers have is refused`, () => {
      for (const plugin of [rooms(), permissions(), http({ authenticate: () => true })])
        assert.throws(() => make({ plugins: [plugin] }), {
          code: 'ERR_OPTION',
          message: new RegExp(`'${plugin.name}' is for servers`)
        })
      make({ plugins: [{ name: 'quiet', version: 1 }] }).destroy()
    })
  }

  it('of anywire: its defaults have options too', () => {
    connect('http://memory', { ...core, reconnect: false, offline: {}, wires: {} }).destroy()
    assert.throws(() => ways['anywire/core']({ reconnect: false }), /there is no option 'reconnect'/)
  })
})
