// On a phone there is room for one of the three parts at a time.
import { byId } from './dom.js'

export const showViews = () => {
  const buttons = document.querySelectorAll('nav button')
  const unread = byId('unread')
  let count = 0

  const tellUnread = () => {
    unread.hidden = count === 0
    unread.textContent = count > 9 ? '9+' : `${count}`
  }
  for (const button of buttons) {
    button.addEventListener('click', () => {
      document.body.dataset.view = button.dataset.view
      for (const other of buttons) other.setAttribute('aria-pressed', `${other === button}`)
      const list = byId('messages')
      list.scrollTop = list.scrollHeight
      if (button.dataset.view === 'messages') count = 0
      tellUnread()
    })
  }
  return {
    /** A message arrived. */
    arrived() {
      if (document.body.dataset.view === 'messages') return
      count++
      tellUnread()
    }
  }
}
