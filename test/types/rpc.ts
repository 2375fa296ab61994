/*
 * What clients know of what servers can do, and servers of clients. Checked by `npm run types`. Nothing here runs.
 */
import { connect, createServer } from '../../index.ts'
import type { Client, Peer } from '../../index.ts'
import { rpc as inBrowsers } from '../../plugins/rpc/client.ts'
import { method, rpc, RpcError } from '../../plugins/rpc/index.ts'
import type { Call, StandardSchema } from '../../plugins/rpc/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type IsAny<T> = 0 extends 1 & T ? true : false
const is = <T extends true>(): T | undefined => undefined

declare const number: StandardSchema<number>
declare const maybe: StandardSchema<number | undefined>
declare const toNumber: StandardSchema<string, number>

interface User {
  readonly name: string
}

const server = createServer({
  port: 0,
  authenticate: (): User => ({ name: 'ann' }),
  plugins: [
    rpc({
      add: (a: number, b: number) => a + b,
      whose: (text: string, { peer, signal, key, id }) => {
        is<Equal<typeof peer, Peer>>()
        is<Equal<typeof signal, AbortSignal>>()
        is<Equal<typeof key, string | undefined>>()
        return text + peer.id + id
      },
      alone: ({ peer }) => peer.address,
      nothing: () => {},
      promised: async (flag: boolean) => Promise.resolve(flag),
      either: (text: string): string | Promise<number> => (text ? text : Promise.resolve(1)),
      fail: () => {
        throw new RpcError('E')
      },
      optional: (a: number, b: string | undefined, c: boolean | undefined, _call) => [a, b, c] as const,
      maybe: (a: string | undefined, b: string, call?: Call) => [a, b, call?.key],
      undefined: (a: string | undefined) => a,
      any: (...all: [...number[], Call]) => all.length,
      annotated: (a: number, { peer }: Call<Peer<User>>) => peer.context.name + a,
      async *ticks(from: number, { signal }) {
        while (!signal.aborted) yield from++
      },
      checked: method({ input: [number, toNumber], output: toNumber }, (a, b, { peer }) => {
        is<Equal<typeof a, number>>()
        is<Equal<typeof b, number>>()
        is<Equal<typeof peer, Peer>>()
        return `${a + b}`
      }),
      perhaps: method({ input: [number, maybe] }, (a, b) => [a, b] as const),
      unchecked: method({ input: [number] }, a => ({ a })),
      items: method({ input: [], output: number }, async function* () {
        yield 1
      }),
      *sync(to: number) {
        for (let item = 0; item < to; item++) yield item
      },
      lateSync: async () => Promise.resolve(new Map<string, number>().keys()),
      words: method({ input: [] }, function* () {
        yield 'a'
      }),
      list: () => [1, 2],
      users: { get: (id: string) => ({ id }), roles: { of: (id: string, { peer }) => [id, peer.id] } }
    })
  ]
})
type Api = typeof server

const client = connect('http://localhost', { plugins: [rpc<Api>()] })
const { rpc: calls } = client
is<Equal<typeof calls.add, (a: number, b: number) => Promise<number>>>()
is<Equal<typeof calls.whose, (text: string) => Promise<string>>>()
is<Equal<typeof calls.alone, () => Promise<string>>>()
is<Equal<ReturnType<typeof calls.nothing>, Promise<void>>>()
is<Equal<ReturnType<typeof calls.promised>, Promise<boolean>>>()
is<Equal<ReturnType<typeof calls.either>, Promise<string | number>>>()
is<Equal<ReturnType<typeof calls.fail>, Promise<never>>>()
is<Equal<typeof calls.annotated, (a: number) => Promise<string>>>()
is<Equal<typeof calls.ticks, (from: number) => AsyncIterable<number>>>()
is<Equal<typeof calls.checked, (a: number, b: string) => Promise<number>>>()
is<Equal<ReturnType<typeof calls.unchecked>, Promise<{ a: number }>>>()
is<Equal<ReturnType<typeof calls.items>, AsyncIterable<number>>>()
// A generator need not be asynchronous.
is<Equal<typeof calls.sync, (to: number) => AsyncIterable<number>>>()
is<Equal<ReturnType<typeof calls.lateSync>, AsyncIterable<string>>>()
is<Equal<ReturnType<typeof calls.words>, AsyncIterable<string>>>()
is<Equal<ReturnType<typeof calls.list>, Promise<number[]>>>()
is<Equal<typeof calls.users.get, (id: string) => Promise<{ id: string }>>>()
is<Equal<ReturnType<typeof calls.users.roles.of>, Promise<string[]>>>()
// What stands before the call and may be undefined may be left out.
is<Equal<Parameters<typeof calls.optional>, [a: number, b?: string | undefined, c?: boolean | undefined]>>()
is<Equal<Parameters<typeof calls.maybe>, [a: string | undefined, b: string]>>()
is<Equal<Parameters<typeof calls.undefined>, [a: string | undefined]>>()
is<Equal<Parameters<typeof calls.any>, number[]>>()
is<Equal<Parameters<typeof calls.perhaps>, [number, (number | undefined)?]>>()
void calls.optional(1)
void calls.optional(1, 'b')
// @ts-expect-error: the call would stand in its place
void calls.undefined()
// @ts-expect-error: it takes numbers
void calls.add(1, '2')
// @ts-expect-error: one is missing
void calls.add(1)
// @ts-expect-error: nobody sends a call
void calls.whose('a', { peer: client })
// @ts-expect-error: no such handler
void calls.subtract
// @ts-expect-error: no such handler in there
void calls.users.set
// @ts-expect-error: a stream is read, not awaited
void calls.ticks(1).then

// Options of a call.
is<Equal<ReturnType<ReturnType<typeof calls.with>['add']>, Promise<number>>>()
void calls.with({ timeout: 100, signal: new AbortController().signal, key: 'k' }).users.get('1')
// @ts-expect-error: no such option
calls.with({ retries: 3 })
// @ts-expect-error: options come once
void calls.with({}).with

// The types of a server from its router, or from those of a client.
const mine = { notify: (text: string, { peer }: Call<Client>) => text + peer.state, deep: { er: () => 1 } }
const both = createServer({ port: 0, plugins: [rpc<typeof mine, typeof api>({ add: (a: number) => a })] })
const api = { add: (a: number) => a }
both.on('connection', peer => {
  is<Equal<typeof peer.rpc.notify, (text: string) => Promise<string>>>()
  is<Equal<ReturnType<typeof peer.rpc.deep.er>, Promise<number>>>()
  void peer.rpc.with({ timeout: 1 }).notify('a')
  // @ts-expect-error: the client has none
  void peer.rpc.other
})
const other = connect('http://localhost', { plugins: [rpc<typeof both>(mine)] })
is<Equal<typeof other.rpc.add, (a: number) => Promise<number>>>()
const direct = connect('http://localhost', {
  plugins: [rpc<typeof api>({ notify: (_text: string, { peer }) => peer.id })]
})
is<Equal<typeof direct.rpc.add, (a: number) => Promise<number>>>()
// On a client, whose server is known as one, handlers get the client.
rpc<Api>({ notify: ({ peer }) => is<Equal<typeof peer, Client>>() })

// Services.
is<Equal<typeof service, (image: Uint8Array) => Promise<string>>>()
const service = client.rpc.service<(image: Uint8Array) => string>('resize', { timeout: 1_000 })
void client.rpc.provide('resize', (image: Uint8Array, { peer, reject }) => (peer.state ? `${image.length}` : reject()))
server.rpc.provide('resize', (image: Uint8Array, { peer }) => `${image.length} ${peer.address}`)

// Who knows nothing of the other end may call anything, and gets what nobody knows the type of.
const loose = connect('http://localhost', { plugins: [rpc()] })
const anything = loose.rpc['any']
is<Equal<typeof anything extends ((...args: unknown[]) => infer R) | undefined ? IsAny<R> : never, false>>()

const loosely = { search: async (text: string, limit?: number) => [text, limit] }
// What is left out would be the call: there is no parameter that may be.
// @ts-expect-error: optional
rpc({ search: (text: string, limit?: number) => [text, limit] })
// @ts-expect-error: with a default
rpc({ search: (text: string, limit = 10) => [text, limit] })
// @ts-expect-error: with a default, taken apart
rpc({ search: (text: string, { limit = 10 }: { limit?: number } = {}) => [text, limit] })
// @ts-expect-error: optional, and of any type
rpc({ search: (text: string, limit?: unknown) => [text, limit] })
// @ts-expect-error: optional before an optional call
rpc({ search: (text?: string, call?: Call) => [text, call?.name] })
// @ts-expect-error: a rest has the call in it
rpc({ search: (...texts: string[]) => texts })
// @ts-expect-error: deeper inside
rpc({ find: { search: (text: string, limit?: number) => [text, limit] } })
// @ts-expect-error: in a router of its own
rpc(loosely)
// @ts-expect-error: on a client
inBrowsers({ search: (text: string, limit?: number) => [text, limit] })
// @ts-expect-error: as a service of the server
server.rpc.provide('search', (text: string, limit?: number) => [text, limit])
// @ts-expect-error: as a service of a client
void client.rpc.provide('search', (text: string, limit?: number) => [text, limit])

// @ts-expect-error: no handler
rpc({ add: 5 })
// @ts-expect-error: no handler in there
rpc({ users: { get: 'x' } })
// @ts-expect-error: the handler returns something else
method({ input: [], output: number }, () => 'text')

is<Equal<IsAny<typeof calls>, false>>()
is<Equal<IsAny<typeof server.rpc>, false>>()
is<Equal<IsAny<typeof client.rpc.add>, false>>()
