/* What rules of records know of an application's records and contexts. Checked by `npm run types`. Nothing here runs. */
import { createServer } from '../../index.ts'
import { records } from '../../plugins/records/index.ts'
import type { PermitQuestion, SetOf, StandardSchema } from '../../plugins/records/index.ts'
import { memory } from '../../stores/memory.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <T extends true>(): T | undefined => undefined

interface Board {
  readonly title: string
  readonly owner: string
  readonly members: SetOf<string>
}
interface Card {
  readonly text: string
}
type App = { readonly 'boards/': Board; readonly 'cards/': Card; readonly settings: { readonly theme: string } }
interface User {
  readonly user: string
}
declare const schema: StandardSchema<Card>

const isIn = ({ members }: Board, user: string): boolean => JSON.stringify(user) in members

const options = {
  authenticate: (): User => ({ user: 'ann' })
}
createServer({
  ...options,
  plugins: [
    records<App, User>({
      store: memory(),
      collections: {
        'boards/': {
          validate: board => {
            is<Equal<typeof board.title, unknown>>()
            return typeof board.title === 'string' || 'a board has a title'
          },
          permit: ({ verb, path, context: { user }, value, current, previous }) => {
            if (verb === 'create') return value?.owner === user
            if (verb === 'read') return !value || value.owner === user || isIn(value, user)
            is<Equal<typeof current, Board | undefined>>()
            if (verb === 'delete') return previous?.owner === user
            return !current || (path !== 'owner' && current.owner === user)
          }
        },
        'cards/': {
          order: 'server',
          permit: async ({ context: { user }, record, records }) => {
            const board = await records.get(`boards/${record.split('/')[1]}`)
            is<Equal<typeof board, Board | undefined>>()
            return !!board && isIn(board, user)
          },
          validate: schema
        },
        '': { validate: (_settings, _id, records) => records.has('boards/1') },
        // @ts-expect-error: there is no such name
        'bords/': {}
      },
      permit: ({ verb, current, value }) => {
        if (verb === 'read') is<Equal<typeof value, Board | Card | { readonly theme: string } | undefined>>()
        return current !== undefined && 'theme' in current
      },
      identity: ({ peer, context: { user } }) => {
        is<Equal<typeof peer.context, User>>()
        return user
      },
      onWrite: async ({ peer, records }, tx) => {
        for (const { before, after } of records) {
          if (after && 'owner' in after && before) await tx.set('settings', 'theme', after.owner + peer?.context.user)
        }
        await tx.set('boards/1', '', { title: 'x' })
        await tx.replace('cards/1', '', { text: 'x' })
        await tx.set(`cards/${peer?.id}`, 'text', 'x')
        await tx.delete('cards/1')
        // @ts-expect-error: there is no such field
        await tx.set('cards/1', 'txt', 'x')
        // @ts-expect-error: a text is text
        await tx.set('cards/1', 'text', 1)
        // @ts-expect-error: there is no such record
        await tx.set('crads/1', 'text', 'x')
        // @ts-expect-error: something is missing
        await tx.replace('boards/1', '', { title: 'x' })
        // @ts-expect-error: a card has a text
        await tx.delete('cards/1', 'text')
        // @ts-expect-error: a text is no number
        await tx.increment('cards/1', 'text', 1)
        const settings = await tx.get('settings')
        is<Equal<typeof settings, { readonly theme: string } | undefined>>()
      }
    })
  ]
})

// Whom records are asked about again has the context that rules have.
const server = createServer({ ...options, plugins: [records<App, User>({ store: memory() })] })
server.records.watch('boards/', (board, paths) => {
  is<Equal<typeof paths, readonly string[]>>()
  server.records.refresh(board, ({ context }) => context.user === 'ada')
})
// @ts-expect-error: it has none
server.records.refresh('', ({ context }) => context.name === 'ada')

// What says itself what it is asked.
const permit = ({ value }: PermitQuestion<User, App, 'cards/'>): boolean => {
  is<Equal<typeof value extends string | undefined ? 1 : 0, 0>>()
  return value !== undefined
}
createServer({ ...options, plugins: [records<App, User>({ store: memory(), collections: { 'cards/': { permit } } })] })

// Without a schema a record is any value, and a collection has any name.
records({
  store: memory(),
  collections: {
    'any/': {
      validate: (value, _id, records) => typeof value === 'object' && records.has('any/1'),
      permit: ({ value, records }) => (value === undefined ? records.has('any/1') : typeof value === 'object')
    }
  }
})

// A name that has a part of any text is ruled by what it begins with.
type Templates = { [cards: `cards/${string}/`]: { readonly title: string }; 'notes/': { readonly text: string } }
records<Templates>({
  store: memory(),
  collections: {
    'cards/': {
      validate: value => value.title !== '',
      permit: ({ current }) => current?.title !== ''
    },
    'notes/': { validate: value => value.text !== '' },
    // @ts-expect-error: no name of the schema begins so
    'lists/': {}
  }
})
