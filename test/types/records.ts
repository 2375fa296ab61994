/* What the records plugin knows of an application's records. Checked by `npm run types`. Nothing here runs. */
import { connect } from '../../index.ts'
import { list, members, records } from '../../plugins/records/client.ts'
import type {
  AnyRecord,
  Collection,
  ListOf,
  LiveRecord,
  QueryOf,
  SetOf,
  WriteHandle
} from '../../plugins/records/client.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <T extends true>(): T | undefined => undefined

interface Todo {
  readonly title: string
  readonly done: boolean
  readonly votes: number
  readonly tags: readonly string[]
  readonly due?: { readonly day: string; readonly time?: string }
  readonly steps: ListOf<{ readonly text: string }>
  readonly labels: SetOf<string>
}

type App = {
  readonly 'todos/': Todo
  readonly settings: { readonly theme: 'light' | 'dark' }
}

const url = 'http://localhost'
const client = connect(url, { plugins: [records<App>()] })

// The id says what a record is.
const todo = client.records.get('todos/1')
is<Equal<typeof todo, LiveRecord<Todo>>>()
const whole = todo.get()
is<Equal<typeof whole, Todo | undefined>>()
is<Equal<ReturnType<typeof todo.get>, Todo | undefined>>()
const theme = client.records.get('settings').get('theme')
is<Equal<typeof theme, 'light' | 'dark' | undefined>>()
// @ts-expect-error the schema says nothing of it
void client.records.get('elsewhere').get
client.records.get<AnyRecord>('elsewhere').get('any.path')
declare const someId: string
client.records.get(someId).get('any.path')
// @ts-expect-error there is no such collection
void client.records.collection('todo/').query
client.records.collection<Todo>('todo/').query({ order: ['title'] })
// @ts-expect-error nor such a record
void client.records.get('todo/1').delete
// @ts-expect-error nor one whose id is not known to its end
void client.records.get(`todo/${someId}`).set
// @ts-expect-error nor one that may have such an id
void client.records.get(someId ? 'todos/1' : 'todo/1').delete
// @ts-expect-error nor is one read once
void client.records.snapshot('todo/1').then
void client.records.snapshot<Todo>('todo/1').then(value => value?.title)
client.records.transaction(({ get }) => {
  // @ts-expect-error nor is one written together with others
  void get('todo/1').delete
  get<Todo>('todo/1').delete('due')
})
const loose = connect(url, { plugins: [records<{ 'things/': object }>()] })
void loose.records.get('things/1').delete
export const anyOf = <T extends object>(id: string): LiveRecord<T> => client.records.get<T>(id)
client.records.get<Todo>('todo/1').get('title')

// The longest name that an id begins with says what it is.
interface Old {
  readonly why: string
}
type Names = {
  readonly 'todos/': Todo
  readonly 'todos/archive/': Old
  readonly [rooms: `rooms/${string}/`]: Old
  readonly [users: `users/${string}`]: Todo
}
const named = connect(url, { plugins: [records<Names>()] }).records
const board: string = url
const direct = named.get('todos/1')
is<Equal<typeof direct, LiveRecord<Todo>>>()
const [deeper, archived, anyTodo] = [
  named.get('todos/b1/1'),
  named.get('todos/archive/x'),
  named.get(`todos/${board}/1`)
]
is<Equal<typeof deeper, LiveRecord<Todo>>>()
is<Equal<typeof archived, LiveRecord<Old>>>()
is<Equal<typeof anyTodo, LiveRecord<Todo>>>()
const [room, anyRoom, user] = [named.get('rooms/1/x'), named.get(`rooms/${board}/x`), named.get('users/1')]
is<Equal<typeof room, LiveRecord<Old>>>()
is<Equal<typeof anyRoom, LiveRecord<Old>>>()
is<Equal<typeof user, LiveRecord<Todo>>>()
const [below, archive, rooms] = [
  named.collection('todos/b1/'),
  named.collection('todos/archive/'),
  named.collection(`rooms/${board}/`)
]
is<Equal<typeof below, Collection<Todo, 'todos/b1/'>>>()
is<Equal<typeof archive, Collection<Old, 'todos/archive/'>>>()
is<Equal<typeof rooms, Collection<Old, `rooms/${string}/`>>>()

// A schema may say that there is more, or nothing at all: of what nobody knows anything may be done.
const more = connect(url, { plugins: [records<App & { readonly [name: string]: object }>()] }).records
const [more1, more2] = [more.get('todos/1'), more.get('elsewhere')]
is<Equal<typeof more1, LiveRecord<Todo>>>()
is<Equal<typeof more2, LiveRecord<AnyRecord>>>()
const unknown = connect(url, { plugins: [records()] }).records.get('elsewhere')
unknown.set('any.path', 1)
unknown.increment('votes')
list(unknown, 'steps').push({ text: 'first' })
members(unknown, 'labels').add('red')

// What cannot be done says why.
type Why<P extends string, Hint extends string> = P extends { readonly '': Hint } ? true : false
is<Why<Parameters<typeof archived.increment>[0], 'no field of this record is a number'>>()
// @ts-expect-error a set of records without sets
members(archived, 'why')

// Paths are checked, and values inferred.
const title = todo.get('title')
is<Equal<typeof title, string | undefined>>()
const day = todo.get('due.day')
is<Equal<typeof day, string | undefined>>()
todo.set('done', true)
todo.set('due.time', undefined)
todo.patch({ due: { day: 'Monday' } })
todo.subscribe('tags', tags => {
  is<Equal<typeof tags, readonly string[] | undefined>>()
})
// @ts-expect-error there is no such path
todo.get('dun')
// @ts-expect-error there is no such path below an array
todo.get('tags.0')
// @ts-expect-error a title is a string
todo.set('title', 1)
// @ts-expect-error a day is a string
todo.patch({ due: { day: 1 } })
// @ts-expect-error something is missing
todo.replace({ title: 'x' })

// Only numbers can be added to.
const write: WriteHandle = todo.increment('votes', 2)
// @ts-expect-error a title is no number
todo.increment('title')

// Lists and sets are known by the types of their fields.
list(todo, 'steps').push({ text: 'first' })
members(todo, 'labels').add('red')
// @ts-expect-error a step has a text
list(todo, 'steps').push({ txt: 'first' })
// @ts-expect-error tags are one value, and no list
list(todo, 'tags')
// @ts-expect-error labels are strings
members(todo, 'labels').add(1)

// Collections and queries.
const todos = client.records.collection('todos/')
todos.subscribe({ where: [['done', '=', false]], order: ['-due.day', 'title'], limit: 10 }, results => {
  is<Equal<(typeof results)[number]['value'], Todo>>()
})
todos.query({
  where: [
    ['votes', 'in', [1, 2]],
    ['tags', 'has', 'red'],
    ['due.time', '!=', '10:00'],
    ['labels."red"', '=', true]
  ],
  order: undefined,
  limit: undefined
})
named.collection<AnyRecord>('else/').query({
  where: [
    ['any.path', '>', 1],
    ['tags', 'has', 'x']
  ]
})
const open = { where: [['done', '=', false]], order: ['title'] } satisfies QueryOf<Todo>
todos.query(open)
// @ts-expect-error there is no such path
todos.query({ where: [['dun', '=', false]] })
// @ts-expect-error votes are numbers
todos.query({ where: [['votes', '=', 'many']] })
// @ts-expect-error as many as there are
todos.query({ where: [['votes', 'in', ['many']]] })
// @ts-expect-error tags are text
todos.query({ where: [['tags', 'has', 1]] })
// @ts-expect-error a title has nothing in it
todos.query({ where: [['title', 'has', 'x']] })
// @ts-expect-error there is no such path
todos.query({ order: ['titel'] })
// @ts-expect-error something is missing
todos.add({ title: 'x' })

// Ids of a collection's records say which ones they are.
const [row] = todos.query().get()
const added = todos.add({ title: 'x', done: false, votes: 0, tags: [], steps: {}, labels: {} })
for (const id of [row?.id ?? added.id, added.id]) {
  const one = client.records.get(id)
  is<Equal<typeof one, LiveRecord<Todo>>>()
  client.records.transaction(({ get }) => get(id).set('done', true))
}
const plain: Collection<Todo> = todos
plain.get('1')

// Transactions return nothing but the write itself.
client.records.transaction(({ get }) => {
  const votes = get('todos/1').get('votes')
  is<Equal<typeof votes, number | undefined>>()
  get('todos/1').set('done', (votes ?? 0) > 3)
})

export { write }

// What no record can have is no part of a schema.
interface Plain {
  readonly text?: string
  readonly state: 'a' | 'b' | null
  readonly bytes: Uint8Array
  readonly any: unknown
  readonly map: Readonly<Record<string, Plain>>
  readonly tuple: readonly [number, { readonly x: boolean }]
  readonly value: AnyRecord
  readonly branded: string & { readonly brand: 'id' }
  readonly steps: ListOf<Plain>
  readonly labels?: SetOf<'x' | 'y'> | undefined
  mutable: string[]
}
records<{ 'a/': Plain; b: Plain; [c: `c/${string}/`]: Plain }>()
records<Record<string, object>>()
// @ts-expect-error a Date is none
records<{ 'a/': { readonly at: Date } }>()
// @ts-expect-error nor is one below
records<{ 'a/': { readonly list: readonly { readonly at?: Date }[] } }>()
// @ts-expect-error nor are functions
records<{ 'a/': { readonly act: () => void } }>()
// @ts-expect-error nor are large numbers
records<{ 'a/': { readonly big: bigint } }>()
// @ts-expect-error nor are sets
records<{ 'a/': { readonly set: ReadonlySet<string> } }>()

// Below a key that stands for many, a path is split at its dots, as anywhere else.
interface Node {
  readonly name: string
  readonly weight?: number
  readonly kids?: { readonly [id: string]: Node }
}
interface Poll {
  readonly title: string
  readonly byUser: {
    readonly [user: string]: { readonly n: number; readonly text?: string; readonly steps: ListOf<string> }
  }
  readonly counts: Readonly<Record<string, number>>
  readonly byRoom?: { readonly [room: `room-${string}`]: { readonly votes: { readonly [user: string]: boolean } } }
  readonly what: { readonly kind: 'a'; readonly x: number } | { readonly kind: 'b'; readonly y: string }
  readonly any: unknown
  readonly plain: AnyRecord
}
const deep = connect(url, { plugins: [records<{ 'polls/': Poll; 'nodes/': Node }>()] }).records
const [poll, node] = [deep.get('polls/1'), deep.get('nodes/1')]
declare const ada: string
const [one, oneN, someN, oneText, whose] = [
  poll.get('byUser.ada'),
  poll.get('byUser.ada.n'),
  poll.get(`byUser.${ada}.n`),
  poll.get('byUser.ada.text'),
  poll.get('byUser.ada\\.b.n')
]
is<Equal<typeof one, Poll['byUser'][string] | undefined>>()
is<Equal<typeof oneN, number | undefined>>()
is<Equal<typeof someN, number | undefined>>()
is<Equal<typeof oneText, string | undefined>>()
is<Equal<typeof whose, number | undefined>>()
poll.set('byUser.ada', { n: 1, steps: {} })
poll.set(`byUser.${ada}`, { n: 1, steps: {} })
poll.set('byUser.ada.n', 3)
poll.replace('byUser.ada.n', 3)
poll.increment('byUser.ada.n')
poll.increment(`byUser.${ada}.n`)
poll.increment('counts.a')
poll.set('byRoom.room-1.votes.ada', true)
poll.set('what.x', 1)
poll.set('plain.any.path', 1)
poll.increment('plain.any.path')
poll.subscribe('byUser.ada.n', n => {
  is<Equal<typeof n, number | undefined>>()
})
list(poll, 'byUser.ada.steps').push('first')
deep.collection('polls/').query({
  where: [
    ['byUser.ada.n', '>', 3],
    ['counts.a', '=', 1],
    ['what.kind', 'in', ['a']]
  ],
  order: ['-byUser.ada.n']
})
node.set('kids.a.kids.b.name', 'x')
node.set('kids.a.kids.b.kids.c.kids.d.kids.e.kids.f.kids.g.name', 'x')
node.increment('kids.a.weight')
// @ts-expect-error n is a number
poll.set('byUser.ada.n', { n: 1, steps: {} })
// @ts-expect-error n is a number
poll.set(`byUser.${ada}.n`, 'x')
// @ts-expect-error there is no such field
poll.set('byUser.ada.misspelt', { n: 1, steps: {} })
// @ts-expect-error there is no such field
poll.get('byUser.ada.misspelt')
// @ts-expect-error there is no such field
poll.subscribe('byUser.ada.misspelt', () => {})
// @ts-expect-error there is nothing below a number
poll.get('counts.a.b')
// @ts-expect-error a text is no number
poll.increment('byUser.ada.text')
// @ts-expect-error there is no such field
poll.increment('byUser.ada.steps.n')
// @ts-expect-error neither of both has it
poll.get('what.z')
// @ts-expect-error x is a number
poll.set('what.x', 'x')
// @ts-expect-error a name is text
node.set('kids.a.kids.b.name', 1)
// @ts-expect-error steps are strings
list(poll, 'byUser.ada.steps').push(1)
// @ts-expect-error n is a number
deep.collection('polls/').query({ where: [['byUser.ada.n', '=', 'x']] })

// Only what may be absent is deleted.
poll.delete('byUser.ada')
poll.delete(`byUser.${ada}`)
poll.delete('byUser.ada.text')
poll.delete('counts.a')
poll.delete('any')
poll.delete('')
poll.delete()
poll.set('byUser.ada', undefined)
poll.set('byUser.ada.text', undefined)
poll.patch({ byUser: { ada: undefined, bob: { text: undefined } } })
poll.replace('byRoom', undefined)
node.delete('kids')
unknown.delete('any.path')
unknown.set('any.path', undefined)
unknown.patch({ any: undefined })
// @ts-expect-error a poll has a title
poll.set('title', undefined)
// @ts-expect-error a poll has a title
poll.delete('title')
// @ts-expect-error a poll has a title
poll.patch({ title: undefined })
// @ts-expect-error who is there has an n
poll.delete('byUser.ada.n')
// @ts-expect-error who is there has an n
poll.patch({ byUser: { ada: { n: undefined } } })
// @ts-expect-error a title is set, deleted it is not
todo.set('due.day', undefined)
