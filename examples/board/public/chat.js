// The messages.
import { byId, fromTemplate } from './dom.js'

/** @typedef {import('../values.ts').Message} Message */

const MOST = 200
const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })

/**
 * @param say - sends a message
 * @param arrived - called for each message that others wrote just now
 */
export const createChat = ({ say, arrived }) => {
  const list = byId('messages')
  /** @type {Map<string, HTMLElement>} */
  const shown = new Map()
  /** The ids of what was written in this tab. */
  const mine = new Set()

  const isAtEnd = () => list.scrollHeight - list.scrollTop - list.clientHeight < 48
  const toEnd = () => (list.scrollTop = list.scrollHeight)

  /** Consecutive messages of one person need the name once. */
  const group = () => {
    let before = ''
    for (const element of list.children) {
      const by = `${element.dataset.color} ${element.querySelector('b').textContent}`
      element.classList.toggle('follow', by === before)
      before = by
    }
  }

  /** Puts a message behind those that are saved; those that are not stay the last. */
  const put = ({ id, by, text, at }, waits) => {
    const element = shown.get(id) ?? fromTemplate('message-template')
    shown.set(id, element)
    element.dataset.color = `${by.color}`
    element.classList.toggle('mine', mine.has(id))
    element.classList.toggle('waits', waits)
    element.querySelector('b').textContent = by.name
    element.querySelector('time').textContent = time.format(at || Date.now())
    element.querySelector('.text').textContent = text
    list.insertBefore(element, waits ? null : list.querySelector('.waits'))
    for (const [old, { isConnected }] of shown) {
      if (shown.size <= MOST && isConnected) break
      shown.get(old).remove()
      shown.delete(old)
    }
  }

  byId('say').addEventListener('submit', event => {
    event.preventDefault()
    const input = byId('text')
    const text = input.value.trim()
    if (!text) return
    input.value = ''
    say(text)
    toEnd()
  })

  /**
   * @param {Message} message
   * @param waits - it was written here, and is not saved yet
   * @returns whether it is new
   */
  const show = (message, waits) => {
    const known = shown.get(message.id)
    if (known && !known.classList.contains('waits')) return false
    const follow = isAtEnd()
    if (waits) mine.add(message.id)
    put(message, waits)
    group()
    if (follow) toEnd()
    return !known
  }

  return {
    show(message, waits) {
      if (show(message, waits) && !waits) arrived()
    },
    /** @param {readonly Message[]} messages - what was said before we came, or came back */
    recall(messages) {
      for (const message of messages) show(message, false)
    }
  }
}
