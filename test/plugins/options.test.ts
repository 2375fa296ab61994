import assert from 'node:assert/strict'
import { createServer } from '../../core.ts'
import { json } from '../../parsers/json.ts'
import { authenticate } from '../../plugins/authenticate/index.ts'
import { http } from '../../plugins/http/index.ts'
import { offline } from '../../plugins/offline/index.ts'
import { permissions } from '../../plugins/permissions/index.ts'
import { presence } from '../../plugins/presence/index.ts'
import { pubsub } from '../../plugins/pubsub/index.ts'
import { reconnect } from '../../plugins/reconnect/index.ts'
import { records } from '../../plugins/records/index.ts'
import { rooms } from '../../plugins/rooms/index.ts'
import { rpc } from '../../plugins/rpc/index.ts'
import { wires } from '../../plugins/wires/index.ts'
import { memory } from '../../transformers/memory/index.ts'

type Factory = (...options: never[]) => unknown

/** As JavaScript calls it: with anything. */
const make = (factory: Factory, ...options: readonly unknown[]): unknown =>
  Reflect.apply<undefined, unknown[], unknown>(factory as (...options: unknown[]) => unknown, undefined, [...options])

const refused = (message: RegExp, factory: Factory, ...options: readonly unknown[]): void => {
  assert.throws(() => make(factory, ...options), { name: 'AnywireError', code: 'ERR_OPTION', message })
}

describe('the options of plugins, in Node', () => {
  it('what is misspelt is refused, and named, with what there is', () => {
    refused(/'pubsub' has no option 'topic', but: topics, limits, queue/, pubsub, { topic: {} })
    refused(/'pubsub' has no option 'limits.topic', but: limits.length/, pubsub, { limits: { topic: 1 } })
    refused(/'presence' has no option 'awy'/, presence, { awy: 1 })
    refused(/'rpc' has no option 'deadlin'/, rpc, {}, { deadlin: 1 })
    refused(/'rpc' has no option 'keys.counts'/, rpc, {}, { keys: { counts: 1 } })
    refused(/'rooms' has no option 'limits'/, rooms, { limits: 1 })
    refused(/'authenticate' has no option 'expire'/, authenticate, { expire: () => 1 })
    refused(/'http' has no option 'paht'/, http, { authenticate: () => true, paht: 'x' })
    refused(/'records' has no option 'permitt'/, records, { permitt: () => false })
    refused(/'records' has no option 'collections.a\/.permitt'/, records, {
      collections: { 'a/': { permitt: () => false } }
    })
    refused(/'permissions' has no option 'otherwize'/, permissions, {}, { otherwize: true })
    refused(/'reconnect' has no option 'maximum', but: min, max, factor, attempts, random/, reconnect, { maximum: 1 })
    refused(/'offline' has no option 'byte', but: bytes, discard, expires, probe/, offline, { byte: 5 })
    refused(/'wires' has no option 'headstart'/, wires, { headstart: 1 })
  })

  it('what is no such value is refused', () => {
    refused(/'interval' of 'presence' must be a number of at least 0, or Infinity, not '1'/, presence, {
      interval: '1'
    })
    refused(/'away' of 'presence' .*, not NaN/, presence, { away: Number.NaN })
    refused(/'max' of 'reconnect' .*, not NaN/, reconnect, { max: Number.NaN })
    refused(/'factor' of 'reconnect' must be a number of at least 1/, reconnect, { factor: 0.5 })
    refused(/'expires' of 'offline' .*, not -1/, offline, { expires: -1 })
    refused(/'discard' of 'offline' must be 'newest' or 'oldest'/, offline, { discard: 'all' })
    refused(/'upgrade' of 'wires' must be true or false/, wires, { upgrade: 1 })
    refused(/'identity' of 'presence' must be a function/, presence, { identity: 'me' })
    refused(/'limits' of 'pubsub' must be an object, not 5/, pubsub, { limits: 5 })
    refused(/the options of 'rooms' must be an object, not null/, rooms, null)
    refused(/'use' of 'rpc' must be a list of functions/, rpc, {}, { use: [1] })
    refused(/'provide' of 'rpc' must be a function, or false, or true/, rpc, {}, { provide: 'all' })
    refused(/'permit' of 'records' must be a function, not true/, records, { permit: true })
    refused(/'migrate' of 'records' needs a 'schema'/, records, { migrate: () => Promise.resolve() })
    refused(/the name of a collection ends with a slash: 'a\/'$/, records, { collections: { a: {} } })
    refused(/'collections.a\/.order' of 'records' must be 'hlc' or 'server'/, records, {
      collections: { 'a/': { order: 'x' } }
    })
    refused(/'collections.a\/.validate' of 'records' must be a function, or a schema/, records, {
      collections: { 'a/': { validate: {} } }
    })
  })

  it('the options of topics are looked at where the server is made', () => {
    const server = (topics: object): unknown =>
      createServer(undefined, {
        transformers: [memory()],
        parsers: [json()],
        // As JavaScript passes it.
        plugins: [pubsub({ topics: topics as Readonly<Record<string, object>> })]
      })
    refused(/'pubsub' has no option 'topics.a.\*.retained'/, server, { 'a.*': { retained: true } })
    refused(/'a.\*\*' of 'topics' of 'pubsub' is no pattern: parts have dots/, server, { 'a.**': { retain: true } })
    refused(/'topics.a.history.size' of 'pubsub' must be a number/, server, { a: { history: { size: 'all' } } })
  })

  it('what is no rule is refused', () => {
    for (const rules of [() => true, true, 5, null, 'all', ['pubsub'], new Map([['rpc', true]])])
      refused(/the rules of 'permissions' must be an object of rules, by plugin, not /, permissions, rules)
    refused(
      /the rule 'pubsub.subscribe' must be true, false or a function, or an object of such rules, not a text/,
      permissions,
      {
        pubsub: { subscribe: 'yes' }
      }
    )
    for (const call of [[], new Map(), new Set(['a'])])
      refused(/the rule 'rpc.call' must be true, false or a function, or an object/, permissions, { rpc: { call } })
    refused(/the rule 'pubsub.subscribe.a' must be true, false or a function, not an empty list/, permissions, {
      pubsub: { subscribe: { a: [] } }
    })
    refused(/the rule 'pubsub' .*, not 1/, permissions, { pubsub: 1 })
    refused(/'otherwise' of 'permissions' must be true, false or a function/, permissions, {}, { otherwise: 'no' })
  })

  it('what is undefined was not said', () => {
    const nothing = { limits: undefined, typo: undefined }
    for (const factory of [pubsub, presence, rooms, authenticate, records, reconnect, offline, wires])
      make(factory, nothing)
    make(rpc, {}, { ...nothing, keys: { time: undefined } })
    make(http, { ...nothing, authenticate: () => true })
    make(permissions, { pubsub: undefined, rpc: { call: undefined } }, { otherwise: undefined })
  })

  it('what expires without anybody who judges it is refused where the server is made', () => {
    const options = { transformers: [memory()], parsers: [json()], plugins: [authenticate({ expires: () => 1 })] }
    refused(/'expires' of 'authenticate' needs the server's option 'authenticate'/, createServer, undefined, options)
    make(createServer, undefined, { ...options, authenticate: () => true })
    make(createServer, undefined, { ...options, plugins: [authenticate({ notice: 1 })] })
  })
})
