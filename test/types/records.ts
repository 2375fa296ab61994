/* What the records plugin knows of an application's records. Checked by `npm run types`. Nothing here runs. */
import { connect } from '../../index.ts'
import { list, members, records } from '../../plugins/records/client.ts'
import type { ListOf, LiveRecord, SetOf, WriteHandle } from '../../plugins/records/client.ts'

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
client.records.get('elsewhere').get('any.path')
client.records.get<Todo>('todo/1').get('title')

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
// @ts-expect-error there is no such path
todos.query({ where: [['dun', '=', false]] })
// @ts-expect-error there is no such path
todos.query({ order: ['titel'] })
// @ts-expect-error something is missing
todos.add({ title: 'x' })

// Transactions return nothing but the write itself.
client.records.transaction(({ get }) => {
  const votes = get('todos/1').get('votes')
  is<Equal<typeof votes, number | undefined>>()
  get('todos/1').set('done', (votes ?? 0) > 3)
})

export { write }
