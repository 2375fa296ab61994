// The page: one connection, and the parts that show what comes over it.
import * as anywire from '/anywire/client.js'
import { createChat } from './chat.js'
import { createCursors } from './cursors.js'
import { createNotes } from './notes.js'
import { createPeople } from './people.js'
import { makeTrouble } from './trouble.js'
import { showViews } from './views.js'
import { watchWire } from './wire.js'

/** @typedef {import('../values.ts').Change} Change */
/** @typedef {import('../values.ts').ServerValue} ServerValue */

const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(8)), byte => byte.toString(16).padStart(2, '0')).join('')

/** What the switch "Go offline" sets: an attempt to connect that cannot even find its URL fails, as without a network. */
const network = { off: false }

/** Where WebTransport is, if there is any. */
const { port, hash } = await (await fetch('/wires.json')).json()
const transformers = [anywire.ws(), anywire.engineio()]
if (port && 'WebTransport' in globalThis) {
  const serverCertificateHashes = [{ algorithm: 'sha-256', value: Uint8Array.from(hash) }]
  transformers.unshift(anywire.webtransport({ port, serverCertificateHashes }))
}

const client = anywire.connect(
  () => {
    if (network.off) throw new Error('switched off')
    return '/'
  },
  // The wire is chosen by hand: without this the client would go back to the better one by itself.
  // And where there is WebTransport it shall be seen, also on a machine that is busy.
  { transformers, reconnect: { max: 5_000 }, wires: { upgrade: false, headStart: port ? 5_000 : 300 } }
)

const count = { sent: 0, received: 0 }

/** Sends what must arrive. While there is no wire it waits. */
const send = value => {
  count.sent++
  return client.write(value)
}

/** Sends what is stale in a moment, and not worth waiting: pointers, and notes on their way. */
const sendNow = value => {
  if (client.state === 'open' && client.write(value, { reliable: false })) count.sent++
}

/**
 * Changes that were made here and are not saved yet, by id. The connection knows what reached the server; this knows
 * what reached the server's disk, so that nothing is lost when the server dies in between.
 * @type {Map<string, Change>}
 */
const pending = new Map()

/** Changes the board: here at once, everywhere else when it is saved. */
const change = fields => {
  const made = { ...fields, id: newId() }
  pending.set(made.id, made)
  show(made)
  send(made)
  return made.id
}

/** @param {Change} made */
const show = made => {
  if (made.type === 'say') chat.show(made, pending.has(made.id))
  else notes.apply(made)
}

const notes = createNotes({ change, drag: sendNow })
const cursors = createCursors({ move: sendNow })
const people = createPeople({ renamed: () => join() })
const views = showViews()
const chat = createChat({
  say: text => change({ type: 'say', text, by: people.me(), at: 0 }),
  arrived: () => views.arrived()
})
const trouble = makeTrouble({ client, network, send })
const wire = watchWire({ client, network, count })

const join = () => send({ type: 'join', ...people.me(), pending: [...pending.keys()].slice(0, 1_000) })

client.on('open', ({ recovered }) => {
  // A recovered session goes on as if nothing had happened. In a new one the server tells again what there is, and is told
  // again what it may have missed; handlers of `open` write before what waited offline, so the order stays.
  if (recovered) return
  join()
  for (const made of pending.values()) send(made)
  trouble.began()
  wire.began(pending.size)
})

client.on('data', (/** @type {ServerValue} */ value) => {
  count.received++
  switch (value.type) {
    case 'snapshot':
      notes.replace(value.notes)
      chat.recall(value.messages)
      for (const id of value.known) {
        const made = pending.get(id)
        pending.delete(id)
        if (made?.type === 'say') show(made)
      }
      for (const made of pending.values()) show(made)
      break
    case 'people': {
      const others = value.people.filter(({ id }) => id !== client.id)
      people.show(others)
      cursors.keep(others)
      break
    }
    case 'cursor':
      cursors.move(value)
      break
    case 'drag':
      notes.dragged(value)
      break
    case 'flood':
      trouble.arrived(value)
      break
    case 'full':
      pending.delete(value.id)
      notes.apply({ type: 'remove', id: '', note: value.id })
      wire.tell('The board is full: delete a note before you add another one.')
      break
    case 'add':
    case 'edit':
    case 'remove':
    case 'say':
      pending.delete(value.id)
      show(value)
      // What was changed here meanwhile, and is not saved yet, stays on top.
      if (value.type !== 'say') for (const made of pending.values()) if (made.type !== 'say') show(made)
  }
})

// Says goodbye when the page is closed, so that nobody waits for this tab to come back.
addEventListener('pagehide', ({ persisted }) => persisted || client.destroy())
