/*
 * Handlers that use the server which they are handlers of. Checked by `npm run types`. Nothing here runs.
 */
import { connect, createServer } from '../../index.ts'
import { pubsub } from '../../plugins/pubsub/index.ts'
import { records } from '../../plugins/records/index.ts'
import { method, rpc } from '../../plugins/rpc/index.ts'
import type { Call, StandardSchema } from '../../plugins/rpc/index.ts'
import { memory } from '../../stores/memory.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <T extends true>(): T | undefined => undefined

interface Card {
  readonly title: string
  readonly done: boolean
}
declare const text: StandardSchema<string>

// What a handler returns is part of the server's type: where it uses the server it says what that is.
const server = createServer({
  port: 0,
  plugins: [
    pubsub(),
    records<{ 'cards/': Card }>({ store: memory() }),
    rpc({
      titles: async (part: string): Promise<string[]> => {
        const query = server.records.collection('cards/').query({})
        await query.when.ready
        return query.get().map(({ value }) => value.title + part)
      },
      shout: (topic: string, { peer }): number => server.pubsub.publish(topic, peer.id),
      typed: (topic: string, _limit: number | undefined, { peer }: Call): number =>
        server.pubsub.publish(topic, peer.id),
      add: method({ input: [text], output: text }, (title): string => {
        return server.records.collection('cards/').add({ title, done: false }).id
      }),
      async *watch(topic: string, { signal }): AsyncGenerator<number, void> {
        while (!signal.aborted) yield server.pubsub.publish(topic, 1)
      }
    })
  ]
})

const client = connect('http://localhost', { plugins: [rpc<typeof server>()] })
is<Equal<ReturnType<typeof client.rpc.titles>, Promise<string[]>>>()
is<Equal<ReturnType<typeof client.rpc.shout>, Promise<number>>>()
is<Equal<ReturnType<typeof client.rpc.add>, Promise<string>>>()
is<Equal<ReturnType<typeof client.rpc.watch>, AsyncIterable<number>>>()
