import { list } from 'anywire/plugins/records'
import type { Item, LiveRecord } from 'anywire/plugins/records'
import { LONGEST } from './model.ts'
import type { Todo, TodoList } from './model.ts'
import { arrange, element, find } from './dom.ts'

/** Shows a list, to be changed, until what it returns is called. */
export const showItems = (record: LiveRecord<TodoList>): (() => void) => {
  const items = list(record, 'items')
  const rows = new Map<string, Row>()

  const name = find<HTMLInputElement>('name')
  name.oninput = () => record.set('name', name.value)
  find<HTMLFormElement>('new-item').onsubmit = event => {
    event.preventDefault()
    const input = find<HTMLInputElement>('new-item-title')
    const title = input.value.trim()
    if (title) items.push({ title, done: false })
    input.value = ''
  }

  const move = (id: string, index: number): void => {
    items.move(id, index)
    rows.get(id)?.handle.focus()
  }
  const render = (): void => {
    const { items: all } = items
    const text = record.get('name') ?? ''
    if (name.value !== text) name.value = text
    for (const [at, item] of all.entries()) {
      let row = rows.get(item.id)
      if (!row) {
        row = makeRow(item.id, {
          edit: (id, change) => {
            const now = items.items.find(other => other.id === id)?.value
            if (now) items.set(id, { ...now, ...change })
          },
          remove: id => void items.delete(id),
          move
        })
        rows.set(item.id, row)
      }
      row.show(item, at)
    }
    arrange(
      find('items'),
      all.map(({ id }) => rows.get(id)?.element).filter(row => row !== undefined)
    )
  }
  const undo = record.subscribe(render)
  return () => {
    undo()
    record.release()
    find('items').replaceChildren()
  }
}

interface Actions {
  readonly edit: (id: string, change: Partial<Todo>) => void
  readonly remove: (id: string) => void
  readonly move: (id: string, index: number) => void
}

interface Row {
  readonly element: HTMLElement
  readonly handle: HTMLElement
  show(item: Item<Todo>, index: number): void
}

/** The row that is dragged. */
let dragged = ''

const makeRow = (id: string, { edit, remove, move }: Actions): Row => {
  let index = 0
  const done = element('input', { type: 'checkbox', ariaLabel: 'Done' })
  const title = element('input', { className: 'title', maxLength: LONGEST, ariaLabel: 'Title' })
  const handle = element('button', {
    type: 'button',
    className: 'handle',
    textContent: '⠿',
    title: 'Drag, or press ↑ and ↓',
    ariaLabel: 'Move'
  })
  const gone = element('button', { type: 'button', className: 'remove', textContent: '×', ariaLabel: 'Delete' })
  const row = element('li', { draggable: true }, handle, done, title, gone)
  done.onchange = () => edit(id, { done: done.checked })
  title.oninput = () => edit(id, { title: title.value })
  gone.onclick = () => remove(id)
  handle.onkeydown = event => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key]
    if (by === undefined) return
    event.preventDefault()
    move(id, Math.max(0, index + by))
  }
  row.ondragstart = event => {
    dragged = id
    event.dataTransfer?.setData('text/plain', title.value)
    row.classList.add('dragged')
  }
  row.ondragend = () => row.classList.remove('dragged')
  row.ondragover = event => {
    if (dragged) event.preventDefault()
  }
  row.ondrop = event => {
    event.preventDefault()
    if (dragged && dragged !== id) move(dragged, index)
    dragged = ''
  }
  return {
    element: row,
    handle,
    show: ({ value }, at) => {
      index = at
      done.checked = value.done
      row.classList.toggle('done', value.done)
      if (title.value !== value.title) title.value = value.title
    }
  }
}
