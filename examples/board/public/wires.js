// Moves the connection from one transformer to another, while it is in use.
import { byId } from './dom.js'

const NAMES = { webtransport: 'WebTransport', ws: 'WebSocket', 'engine.io': 'Long polling' }

export const makeWires = (client, tell) => {
  const buttons = Object.entries(NAMES).map(([name, title]) => {
    const button = document.createElement('button')
    button.type = 'button'
    button.textContent = title
    button.dataset.wire = name
    button.addEventListener('click', () => {
      client.migrate(name).catch(({ message }) => tell(`It stays as it is: ${message}`))
    })
    return button
  })
  byId('wires').append(...buttons)

  return {
    show() {
      for (const button of buttons) {
        button.setAttribute('aria-pressed', `${button.dataset.wire === client.transformer}`)
        button.disabled = client.state !== 'open'
        button.hidden = !client.offers.includes(button.dataset.wire)
      }
    }
  }
}
