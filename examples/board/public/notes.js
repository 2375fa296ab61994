// The sticky notes.
import { byId, eachFrame, fromTemplate } from './dom.js'

/** @typedef {import('../values.ts').Note} Note */

const PLANE = { width: 2000, height: 1400 }
const SIZE = { width: 208, height: 176 }
const COLORS = ['Yellow', 'Orange', 'Rose', 'Violet', 'Blue', 'Green']
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

const inside = (x, y) => ({
  x: Math.round(Math.min(Math.max(x, 0), PLANE.width - SIZE.width)),
  y: Math.round(Math.min(Math.max(y, 0), PLANE.height - SIZE.height))
})

/**
 * @param change - changes the board, and returns the id of the change
 * @param drag - tells where a note is while it is dragged
 */
export const createNotes = ({ change, drag }) => {
  const viewport = byId('viewport')
  const plane = byId('plane')
  /** @type {Map<string, { note: Note, element: HTMLElement, render(): void }>} */
  const shown = new Map()
  let top = 1
  let settled = false

  const count = () => {
    byId('empty').hidden = shown.size > 0
  }

  const remove = id => {
    shown.get(id)?.element.remove()
    shown.delete(id)
  }

  /** @param {Note} note */
  const set = note => {
    const known = shown.get(note.id)
    if (known) known.note = note
    else shown.set(note.id, build(note))
    shown.get(note.id)?.render()
  }

  const build = note => {
    const element = fromTemplate('note-template')
    const textarea = element.querySelector('textarea')
    const item = { note, element, render: () => render() }
    const edit = fields => change({ type: 'edit', note: note.id, ...fields })
    const move = makeMovable(item, drag, edit, () => (element.style.zIndex = `${++top}`))
    const type = makeEditable(
      textarea,
      text => edit({ text }),
      () => render()
    )
    textarea.addEventListener('keydown', ({ key }) => key === 'Escape' && element.querySelector('.grip').focus())
    const colors = COLORS.map((name, color) => {
      const button = document.createElement('button')
      button.type = 'button'
      button.dataset.color = `${color}`
      button.setAttribute('aria-label', name)
      button.addEventListener('click', () => edit({ color }))
      return button
    })
    element.querySelector('.colors').append(...colors)
    element.querySelector('.remove').addEventListener('click', () => {
      change({ type: 'remove', note: note.id })
      viewport.focus({ preventScroll: true })
    })
    element.addEventListener('click', ({ target }) => {
      if (!move.moved && !target.closest('button')) textarea.focus()
    })
    const render = () => {
      const { text, color } = item.note
      element.dataset.color = `${color}`
      element.ariaLabel = text ? `Note: ${text}` : 'Empty note'
      for (const [index, button] of colors.entries()) button.setAttribute('aria-pressed', `${index === color}`)
      if (!type.busy) textarea.value = text
      if (!move.busy) place(element, item.note)
    }
    element.style.zIndex = `${++top}`
    plane.append(element)
    return item
  }

  /** Makes a note around a point of the plane, and goes there. */
  const create = (x, y) => {
    const place = inside(x - SIZE.width / 2, y - SIZE.height / 3)
    const id = change({ type: 'add', text: '', color: shown.size % COLORS.length, ...place })
    shown.get(id).element.querySelector('textarea').focus({ preventScroll: true })
  }

  // Two clicks close to each other, in time and place: a double tap is not a dblclick everywhere.
  let last = { time: 0, x: 0, y: 0 }
  plane.addEventListener('click', ({ target, clientX: x, clientY: y, timeStamp: time }) => {
    if (target !== plane) return
    const twice = time - last.time < 400 && Math.hypot(x - last.x, y - last.y) < 24
    last = { time: twice ? 0 : time, x, y }
    const { left, top } = plane.getBoundingClientRect()
    if (twice) create(x - left, y - top)
  })
  byId('new').addEventListener('click', () => {
    const step = (shown.size % 5) * 28
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = viewport
    create(scrollLeft + clientWidth / 2 + step - 56, scrollTop + clientHeight / 3 + step)
  })

  return {
    /** @param {readonly Note[]} notes */
    replace(notes) {
      const ids = new Set(notes.map(({ id }) => id))
      for (const id of shown.keys()) if (!ids.has(id)) remove(id)
      notes.forEach(set)
      count()
      if (!settled && notes.length > 0) {
        viewport.scrollTo(Math.min(...notes.map(({ x }) => x)) - 24, Math.min(...notes.map(({ y }) => y)) - 24)
      }
      settled = true
    },
    apply({ type, id, note, ...fields }) {
      const known = shown.get(note)?.note
      if (type === 'add') set({ id, ...fields })
      else if (type === 'remove') remove(note)
      else if (known) set({ ...known, ...fields })
      count()
    },
    dragged({ note, x, y }) {
      const item = shown.get(note)
      if (item) set({ ...item.note, x, y })
    }
  }
}

const place = (element, { x, y }) => {
  element.style.translate = `${x}px ${y}px`
}

/** Text of one's own is shared as one writes; that of others waits until one has finished. */
const makeEditable = (textarea, commit, left) => {
  let timer = 0
  const share = () => {
    clearTimeout(timer)
    timer = 0
    commit(textarea.value)
  }
  textarea.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(share, 250)
  })
  textarea.addEventListener('blur', () => {
    if (timer) share()
    left()
  })
  return {
    get busy() {
      return document.activeElement === textarea
    }
  }
}

/** Dragging by pointer, and by the arrow keys on the grip. */
const makeMovable = (item, drag, edit, raise) => {
  const { element } = item
  const grip = element.querySelector('.grip')
  const state = { busy: false, moved: false }
  let origin = { x: 0, y: 0 }
  let at = { x: 0, y: 0 }
  const tell = eachFrame(() => drag({ type: 'drag', note: item.note.id, ...at }))
  const move = (x, y) => {
    at = inside(x, y)
    place(element, at)
    tell()
  }
  const drop = () => {
    if (!state.busy) return
    state.busy = false
    element.classList.remove('dragging')
    edit(at)
  }
  element.addEventListener('pointerdown', event => {
    state.moved = false
    if (event.button !== 0 || event.target.closest('.tools, textarea')) return
    raise()
    origin = { x: event.clientX - item.note.x, y: event.clientY - item.note.y }
    element.setPointerCapture(event.pointerId)
  })
  element.addEventListener('pointermove', event => {
    if (!element.hasPointerCapture(event.pointerId)) return
    const [x, y] = [event.clientX - origin.x, event.clientY - origin.y]
    if (!state.busy && Math.hypot(x - item.note.x, y - item.note.y) < 4) return
    state.busy = state.moved = true
    element.classList.add('dragging')
    move(x, y)
  })
  element.addEventListener('lostpointercapture', drop)
  grip.addEventListener('keydown', event => {
    const [x, y] = ARROWS[event.key] ?? []
    if (x === undefined) return
    event.preventDefault()
    if (!state.busy) at = item.note
    state.busy = true
    move(at.x + x * 16, at.y + y * 16)
  })
  grip.addEventListener('keyup', drop)
  grip.addEventListener('blur', drop)
  return state
}
