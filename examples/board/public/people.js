// Who is here, and who we are.
import { byId } from './dom.js'

/** @typedef {import('../values.ts').Person} Person */

const FIRST = ['Quiet', 'Brave', 'Sunny', 'Swift', 'Gentle', 'Clever', 'Merry', 'Calm', 'Lucky', 'Bright']
const LAST = ['Otter', 'Heron', 'Fox', 'Badger', 'Wren', 'Lynx', 'Seal', 'Robin', 'Hare', 'Finch']
const COLORS = 6
const MOST_SHOWN = 5

const pick = list => list[Math.floor(Math.random() * list.length)]
const initials = name =>
  [...name.trim().matchAll(/(?:^|\s)(\S)/gu)]
    .slice(0, 2)
    .map(([, letter]) => letter.toUpperCase())
    .join('')

/** @returns {Person} the one of this tab: another tab is somebody else */
const recall = () => {
  const { name, color } = JSON.parse(sessionStorage.getItem('me') ?? '{}')
  return { name: name ?? `${pick(FIRST)} ${pick(LAST)}`, color: color ?? Math.floor(Math.random() * COLORS) }
}

/** @param renamed - called when the name has changed */
export const createPeople = ({ renamed }) => {
  const input = byId('name')
  let me = recall()

  const keep = () => {
    sessionStorage.setItem('me', JSON.stringify(me))
    input.value = me.name
    byId('me').dataset.color = `${me.color}`
    byId('me').querySelector('.avatar').textContent = initials(me.name)
  }
  input.addEventListener('change', () => {
    me = { ...me, name: input.value.trim() || me.name }
    keep()
    renamed()
  })
  input.addEventListener('keydown', ({ key }) => key === 'Enter' && input.blur())
  keep()

  const show = ({ name, color, away }) => {
    const item = document.createElement('li')
    item.className = 'avatar'
    item.classList.toggle('away', away)
    item.dataset.color = `${color}`
    item.textContent = initials(name)
    item.title = item.ariaLabel = away ? `${name}, away` : name
    return item
  }

  let shown = ''

  return {
    me: () => me,
    /** Shows the others; nothing is to be done when only their pointers have moved. */
    show(people) {
      const now = JSON.stringify(people.map(({ name, color, away }) => [name, color, away]))
      if (now === shown) return
      shown = now
      const items = people.slice(0, MOST_SHOWN).map(show)
      if (people.length > MOST_SHOWN) {
        const more = document.createElement('li')
        more.className = 'avatar more'
        more.textContent = `+${people.length - MOST_SHOWN}`
        items.push(more)
      }
      byId('people').replaceChildren(...items)
    }
  }
}
