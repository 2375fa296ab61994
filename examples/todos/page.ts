/* The page: what is read comes from records, and what is written goes to them. There is no other state but which list is open. */
import { connect } from 'anywire'
import { presence } from 'anywire/plugins/presence'
import { history, list, records } from 'anywire/plugins/records'
import type { Item as ListItem, LiveRecord } from 'anywire/plugins/records'
import { indexeddb } from 'anywire/stores/indexeddb'
import { button, byId, element, onSubmit } from './dom.ts'
import { LONGEST } from './lists.ts'
import type { Guest, Item, TodoList, TodoRecords } from './lists.ts'

const client = connect('/', { plugins: [presence(), records<TodoRecords>({ persist: indexeddb('anywire-todos') })] })
const lists = client.records.collection('lists/')
const steps = history(client.records)
const me = `Guest ${Math.ceil(Math.random() * 999)}`

// Which list is open, and who else looks at it.

let id = decodeURIComponent(location.hash.slice(1))
let open: LiveRecord<TodoList> | undefined
let close = (): void => {}

const show = (next: string): void => {
  close()
  id = next
  location.hash = encodeURIComponent(next)
  byId('list').hidden = next === ''
  if (next === '') return
  const record = client.records.get(`lists/${next}`)
  open = record
  const place = client.presence<Guest>(`list.${next}`)
  const tellPeople = (): void => {
    byId('people').textContent = place
      .members()
      .map(({ data }) => data?.name ?? '?')
      .join(', ')
  }
  const undos = [
    record.subscribe(drawList),
    ...(['join', 'change', 'leave'] as const).map(event => place.on(event, tellPeople))
  ]
  // Without a wire both wait for one; when the page closes first, there is nobody to tell.
  place.watch().then(tellPeople, () => {})
  place.enter({ name: me }).catch(() => {})
  close = () => {
    for (const undo of undos) undo()
    place.leave().catch(() => {})
    place.unwatch().catch(() => {})
    record.release()
    open = undefined
  }
}

// The lists.

lists.subscribe({ order: ['at'] }, results => {
  byId('lists').replaceChildren(
    ...results.map(({ id: full, value }) => {
      const key = full.slice(lists.name.length)
      const link = button(value.name, () => show(key))
      link.ariaCurrent = `${key === id}`
      return element('li', {}, link)
    })
  )
})

onSubmit('add-list', name => {
  const added = lists.add({ name: name.slice(0, LONGEST), at: Date.now() } as TodoList)
  show(added.id.slice(lists.name.length))
})

// The open list.

const row = (record: LiveRecord<TodoList>, { id, value }: ListItem<Item>, index: number): HTMLLIElement => {
  const items = list(record, 'items')
  const done = element('input', { type: 'checkbox', checked: value.done, ariaLabel: value.title })
  done.addEventListener('change', () => items.set(id, { ...value, done: done.checked }))
  const title = element('input', { value: value.title, maxLength: LONGEST, ariaLabel: 'What is to be done' })
  title.addEventListener('change', () => items.set(id, { ...value, title: title.value }))
  const line = element(
    'li',
    { draggable: true, className: value.done ? 'done' : '' },
    done,
    title,
    button('↑', () => items.move(id, index - 1), 'Up'),
    button('↓', () => items.move(id, index + 1), 'Down'),
    button('✕', () => items.delete(id), 'Delete')
  )
  line.addEventListener('dragstart', event => event.dataTransfer?.setData('text/plain', id))
  line.addEventListener('dragover', event => event.preventDefault())
  line.addEventListener('drop', event => {
    event.preventDefault()
    const dragged = event.dataTransfer?.getData('text/plain') ?? ''
    if (items.items.some(item => item.id === dragged)) items.move(dragged, index)
  })
  return line
}

const drawList = (): void => {
  const record = open
  if (!record) return
  byId('name').textContent = record.get('name') ?? (record.status === 'loading' ? '…' : 'There is no such list')
  byId('items').replaceChildren(...list(record, 'items').items.map((item, index) => row(record, item, index)))
  tellState()
}

onSubmit('add-item', title => {
  if (open) list(open, 'items').push({ title: title.slice(0, LONGEST), done: false })
})

// The connection, and what has not reached the server yet.

let message = ''

const tellState = (): void => {
  const waiting = client.records.pending.length
  const wire =
    client.state === 'open' ? 'Online' : byId<HTMLInputElement>('offline').checked ? 'Offline' : 'Connecting…'
  byId('state').textContent = `${wire}. ${waiting ? `${waiting} changes wait.` : 'All is saved.'} ${message}`
  byId<HTMLButtonElement>('undo').disabled = !steps.canUndo
  byId<HTMLButtonElement>('redo').disabled = !steps.canRedo
}

const takeBack = (act: 'undo' | 'redo'): void => {
  const outcome = steps[act]()
  message = outcome?.skipped.length ? 'Others have changed it since: that was left alone.' : ''
  tellState()
}

byId('undo').addEventListener('click', () => takeBack('undo'))
byId('redo').addEventListener('click', () => takeBack('redo'))
byId('offline').addEventListener('change', () => {
  if (byId<HTMLInputElement>('offline').checked) client.end(4000, 'switched off')
  else client.open()
  tellState()
})
for (const event of ['open', 'disconnect', 'close'] as const) client.on(event, tellState)
client.records.on('pending', tellState)
client.records.on('error', error => (message = error.message))
client.records.on('rejected', error => {
  message = error.message
  tellState()
})

show(id)
tellState()
