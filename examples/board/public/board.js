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
/** @typedef {import('../values.ts').Here} Here */
/** @typedef {import('../values.ts').Value} Value */

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

// That no attempt finds its URL then is what the switch is for.
client.on('error', error => network.off || reportError(error))

const count = { sent: 0, received: 0, doubted: 0 }

/** Sends what is stale in a moment, and not worth waiting: notes on their way. */
const sendNow = value => {
  if (client.state === 'open' && client.write(value, { reliable: false })) count.sent++
}

/**
 * Changes that were made here and are not saved yet, by id. The connection knows what reached the server; this knows
 * what reached the server's disk, so that nothing is lost when the server dies in between.
 * @type {Map<string, Change>}
 */
const pending = new Map()
/** Those that nobody was asked to save, as the client was closed. */
const unasked = new Set()

/** Changes the board: here at once, everywhere else when it is saved. */
const change = fields => {
  const made = { ...fields, id: newId() }
  pending.set(made.id, made)
  show(made)
  void save(made)
  return made.id
}

/** Has a change saved. Without a wire the call waits for one; the key has it made once, however often it is asked for. */
const save = async made => {
  count.sent++
  try {
    await client.rpc.with({ key: made.id, timeout: Infinity }).change(made)
    pending.delete(made.id)
  } catch ({ code, message }) {
    // The session was lost, and the answer with it.
    if (code === 'ERR_OUTCOME_UNKNOWN') {
      count.doubted++
      return save(made)
    }
    if (code === 'ERR_CLOSED') return void unasked.add(made)
    pending.delete(made.id)
    if (made.type === 'add') notes.apply({ type: 'remove', id: '', note: made.id })
    wire.tell(message)
  }
}

/** The server tells everybody that a change is in its file. */
const saved = made => {
  pending.delete(made.id)
  show(made)
  // What was changed here meanwhile, and is not saved yet, stays on top.
  if (made.type !== 'say') for (const other of pending.values()) if (other.type !== 'say') show(other)
}

/** @param {Change} made */
const show = made => {
  if (made.type === 'say') chat.show(made, pending.has(made.id))
  else notes.apply(made)
}

const notes = createNotes({ change, drag: sendNow })
const cursors = createCursors({ move: at => tellHere(at) })
const people = createPeople({ renamed: () => tellHere() })
const views = showViews()
const chat = createChat({
  say: text => change({ type: 'say', text, by: people.me(), at: 0 }),
  arrived: () => views.arrived()
})
const trouble = makeTrouble({
  client,
  network,
  send(value) {
    count.sent++
    client.write(value)
  }
})
const wire = watchWire({ client, network, count, pending })

// Who is here, and where their pointers are.
const place = client.presence('board')
/** @type {Here} */
let here = { ...people.me(), x: -1, y: -1 }
/** Those whose wires are cut at the moment. */
let away = new Set()

const tellHere = at => {
  here = { ...here, ...people.me(), ...at }
  count.sent++
  place.update(here)
}

const meet = () => {
  const others = place
    .members()
    .flatMap(({ id, data }) => (id === client.id ? [] : [{ id, ...data, away: away.has(id) }]))
  people.show(others)
  cursors.show(others)
}

for (const event of ['join', 'change', 'leave']) {
  place.on(event, () => {
    count.received++
    meet()
  })
}
for (const done of [place.enter(here), place.watch()]) done.catch(({ message }) => wire.tell(message))

// What is saved: told as it happens, and caught up with where the session was lost and the server is the same.
for (const topic of ['chat', 'notes']) {
  client.pubsub.subscribe(topic, made => {
    count.received++
    saved(made)
  })
}
client.pubsub.subscribe('away', ids => {
  away = new Set(ids)
  meet()
})
client.pubsub.on('subscribe', ({ topic, recovered }) => {
  if (!recovered) load[topic]?.().catch(({ message }) => wire.tell(message))
})

/** What there is, where there is no telling what was missed. */
const load = {
  async chat() {
    const { messages } = await client.pubsub.history('chat')
    count.received += messages.length
    for (const { value } of messages) pending.delete(value.id)
    chat.recall(messages.map(({ value }) => value))
  },
  async notes() {
    const saved = await client.rpc.notes()
    count.received += saved.length
    notes.replace(saved)
    for (const made of pending.values()) show(made)
  }
}

client.on('open', ({ recovered }) => {
  if (recovered) return
  trouble.began()
  wire.began()
  for (const made of unasked) void save(made)
  unasked.clear()
})

client.on('data', (/** @type {Value} */ value) => {
  count.received++
  if (value.type === 'drag') notes.dragged(value)
  else if (value.type === 'flood') trouble.arrived(value)
})

// Says goodbye when the page is closed, so that nobody waits for this tab to come back.
addEventListener('pagehide', ({ persisted }) => persisted || client.destroy())
