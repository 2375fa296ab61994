/* The page: lists on the left, the one that is chosen on the right. What is written shows at once; the server hears of it when it can. */
import { connect } from 'anywire'
import { presence } from 'anywire/plugins/presence'
import { history, keep, records } from 'anywire/plugins/records'
import { indexeddb } from 'anywire/stores/indexeddb'
import type { App, Guest } from './model.ts'
import { arrange, element, find } from './dom.ts'
import { showItems } from './items.ts'
import { switchNetwork } from './network.ts'
import { showPeople } from './people.ts'

const client = connect('/', {
  reconnect: { max: 3_000 },
  plugins: [records<App>({ persist: keep(indexeddb('anywire-todos')) }), presence()]
})
const lists = client.records.collection('lists/')
const steps = history(client.records)

/** Which list is shown: the part of the address behind #. */
const chosen = (): string => decodeURIComponent(location.hash.slice(1))

const choose = (key: string): void => {
  location.hash = encodeURIComponent(key)
}

const keyOf = (id: string): string => id.slice(lists.name.length)

const rows = new Map<string, HTMLElement>()

const rowOf = (id: string): HTMLElement => {
  let row = rows.get(id)
  if (!row) {
    row = element('a', { href: `#${encodeURIComponent(keyOf(id))}` }, element('span'), element('b'))
    rows.set(id, row)
  }
  return row
}

let shown = ''
let close = (): void => {}

/** Shows the chosen list, or the first one. */
const show = (ids: readonly string[]): void => {
  const id = lists.name + chosen()
  const known = ids.includes(id) ? id : (ids[0] ?? '')
  for (const [other, row] of rows) row.ariaCurrent = other === known ? 'page' : null
  document.body.dataset['empty'] = String(!known)
  if (known === shown) return
  shown = known
  close()
  close = known ? showItems(client.records.get<App['lists/']>(known)) : () => {}
  me.list = keyOf(known)
  enter()
}

const all = lists.query({ order: ['made'] })
all.subscribe(results => {
  const left = (items: object = {}): number =>
    Object.values(items as Record<string, { '@value'?: { done?: boolean } }>).filter(item => !item['@value']?.done)
      .length
  for (const { id, value } of results) {
    const [name, count] = rowOf(id).children
    if (name) name.textContent = value.name || 'Without a name'
    if (count) count.textContent = String(left(value.items) || '')
  }
  arrange(
    find('lists'),
    results.map(({ id }) => rowOf(id))
  )
  show(results.map(({ id }) => id))
})
addEventListener('hashchange', () => show(all.get().map(({ id }) => id)))

find<HTMLFormElement>('new-list').onsubmit = event => {
  event.preventDefault()
  const input = find<HTMLInputElement>('new-list-name')
  const name = input.value.trim()
  if (!name) return
  const { id } = lists.add({ name, made: Date.now() })
  input.value = ''
  choose(keyOf(id))
}

find('delete-list').onclick = () => {
  if (shown) client.records.get(shown).delete()
}

const NAMES = ['Ada', 'Grace', 'Alan', 'Edsger', 'Barbara', 'Donald', 'Radia', 'Ken']
const color = Math.floor(Math.random() * 8)
const me = { name: NAMES[color] ?? '', color, list: '' }
const room = client.presence<Guest>('todos')
const enter = (): void => {
  // Without a wire it is told when there is one again.
  room.enter({ ...me }).catch(() => {})
}
const showOthers = (): void => showPeople(room.members(), client.id)
room.watch().then(showOthers, () => {})
for (const event of ['join', 'change', 'leave'] as const) room.on(event, showOthers)

/** How far what was written here is. */
const tell = (): void => {
  const { length } = client.records.pending
  const isOnline = client.state === 'open'
  find('state').dataset['tone'] = isOnline ? (length ? 'busy' : 'good') : 'off'
  find('state-text').textContent = !length
    ? isOnline
      ? 'All saved'
      : 'Offline, all saved here'
    : `${length} ${length === 1 ? 'change waits' : 'changes wait'}${isOnline ? '' : ' for the server'}`
  find<HTMLButtonElement>('undo').disabled = !steps.canUndo
  find<HTMLButtonElement>('redo').disabled = !steps.canRedo
}
client.records.on('pending', tell)
for (const event of ['open', 'disconnect', 'close'] as const) client.on(event, tell)
client.records.on('rejected', error => {
  const toast = element('li', { textContent: error.message })
  find('toasts').append(toast)
  setTimeout(() => toast.remove(), 6_000)
})

find('undo').onclick = () => {
  steps.undo()
  tell()
}
find('redo').onclick = () => {
  steps.redo()
  tell()
}
addEventListener('keydown', event => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'z') return
  event.preventDefault()
  if (event.shiftKey) steps.redo()
  else steps.undo()
  tell()
})

find<HTMLInputElement>('online').onchange = ({ target }) => {
  switchNetwork((target as HTMLInputElement).checked)
  // At once, and not when it is time for the next attempt.
  client.open()
}
tell()
