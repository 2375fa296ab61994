// The pointers of the others, and telling them ours.
import { byId, eachFrame, fromTemplate } from './dom.js'

/** @param move - tells where our pointer is on the plane; -1, -1: not there */
export const createCursors = ({ move }) => {
  const plane = byId('plane')
  /** @type {Map<string, HTMLElement>} */
  const cursors = new Map()
  let at = { x: -1, y: -1 }
  const tell = eachFrame(() => move(at))

  plane.addEventListener('pointermove', ({ clientX, clientY }) => {
    const { left, top, width, height } = plane.getBoundingClientRect()
    const [x, y] = [Math.round(clientX - left), Math.round(clientY - top)]
    if (x < 0 || y < 0 || x > width || y > height) return
    at = { x, y }
    tell()
  })
  const leave = () => {
    at = { x: -1, y: -1 }
    tell()
  }
  plane.addEventListener('pointerleave', leave)
  plane.addEventListener('pointercancel', leave)

  return {
    /** Shows a cursor for each of those who are here, where it is on the plane. */
    show(people) {
      const here = new Set(people.map(({ id }) => id))
      for (const [id, element] of cursors) {
        if (here.has(id)) continue
        element.remove()
        cursors.delete(id)
      }
      for (const { id, name, color, away, x, y } of people) {
        const element = cursors.get(id) ?? fromTemplate('cursor-template')
        if (!cursors.has(id)) {
          plane.append(element)
          cursors.set(id, element)
        }
        element.hidden = x < 0
        element.style.translate = `${x}px ${y}px`
        element.dataset.color = `${color}`
        element.classList.toggle('away', away)
        element.querySelector('span').textContent = name
      }
    }
  }
}
