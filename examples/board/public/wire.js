// The panel about the connection itself.
import { byId, setText } from './dom.js'
import { makeWires } from './wires.js'

const SAMPLES = 60

export const watchWire = ({ client, network, count, pending }) => {
  const totals = { recovered: 0, lost: 0, discarded: 0 }
  const trace = makeTrace()
  const wires = makeWires(client, text => tell(text))
  /** When the next attempt starts, and since when there has been no wire. */
  let retry = 0
  let lostAt = 0
  let first = true

  const tell = text => {
    setText('story', text)
  }

  /** @returns the tone of the lamp, and what to say beside it */
  const describe = () => {
    const { state } = client
    if (state === 'closed') return ['bad', 'Closed']
    if (state === 'open') return ['good', 'Open']
    if (network.off || !navigator.onLine) return ['bad', 'Offline']
    const name = state === 'away' ? 'Away' : 'Connecting'
    const seconds = Math.ceil((retry - performance.now()) / 1_000)
    return ['wait', seconds > 0 ? `${name}, retrying in ${seconds} s` : `${name}…`]
  }

  const show = () => {
    const [tone, text] = describe()
    const { state } = client
    byId('pill').dataset.tone = tone
    setText('pill-text', text)
    setText('transformer', client.transformer && `over ${client.transformer}`)
    wires.show()
    setText('drop', state === 'closed' ? 'Open again' : 'Drop my wire')
    byId('drop').disabled = state !== 'open' && state !== 'closed'
    const { doubted, ...counted } = count
    // Calls wait as values do.
    const queued = client.offline.size + (state === 'open' ? 0 : pending.size)
    const numbers = { ...counted, ...totals, lost: totals.lost + doubted, queued }
    for (const [name, value] of Object.entries(numbers)) {
      setText(name, value.toLocaleString())
      byId(name).classList.toggle('none', value === 0)
    }
  }

  const sample = async () => {
    const time = client.state === 'open' ? await client.ping().catch(() => undefined) : undefined
    trace.add(time)
    setText('rtt', time === undefined ? '–' : time.toFixed(time < 10 ? 1 : 0))
  }

  const elapsed = () => `${((performance.now() - lostAt) / 1_000).toFixed(1)} s`

  client.on('open', ({ recovered }) => {
    if (recovered) {
      totals.recovered++
      const waited = pending.size ? ` ${amount(pending.size)} had waited.` : ''
      tell(`Recovered after ${elapsed()}. Nothing lost, nothing twice.${waited}`)
    }
  })
  client.on('migrate', ({ from, to }) => tell(`Moved from ${from} to ${to}. Nothing lost, nothing twice.`))
  client.on('disconnect', ({ code }) => {
    lostAt = performance.now()
    tell(`The wire is gone (${code}). What you do now waits here until there is another one.`)
    trace.add(undefined)
  })
  client.on('close', ({ code, reason, reconnect }) => {
    lostAt ||= performance.now()
    if (reconnect) tell(`The session has ended (${code}: ${reason}). A new one follows.`)
    else tell(`Closed (${code}${reason && `: ${reason}`}).`)
  })
  client.on('lost', ({ values }) => (totals.lost += values.length))
  client.offline.on('discard', () => totals.discarded++)
  client.reconnect.on('schedule', ({ delay }) => {
    retry = performance.now() + delay
  })
  client.reconnect.on('attempt', () => {
    retry = 0
  })

  for (const event of ['open', 'migrate', 'disconnect', 'close']) client.on(event, show)
  setInterval(show, 200)
  setInterval(() => void sample(), 1_000)
  show()

  return {
    tell,
    /** A session has begun, which knows nothing of the one before. */
    began() {
      const { size } = pending
      if (first) tell('Connected. Whatever you do here is on every other screen at once.')
      else tell(`Back after ${elapsed()} in a new session${size ? `, ${amount(size)} sent again` : ''}.`)
      first = false
      lostAt = 0
    }
  }
}

const amount = number => (number === 1 ? '1 value' : `${number.toLocaleString()} values`)

/** Round-trip times as a line, and a dashed one where there was no wire. */
const makeTrace = () => {
  const svg = byId('trace')
  const [up, down] = svg.children
  const { width, height } = svg.viewBox.baseVal
  /** @type {(number | undefined)[]} */
  const samples = []

  return {
    add(time) {
      samples.push(time)
      if (samples.length > SAMPLES) samples.shift()
      const times = samples.filter(sample => sample !== undefined).sort((a, b) => a - b)
      // One long pause is no reason to make a flat line of all the others.
      const most = Math.max(5, Math.min(times.at(-1) ?? 0, 5 * (times[times.length >> 1] ?? 0))) * 1.15
      const step = width / (SAMPLES - 1)
      const lines = ['', '']
      let before
      for (const [index, sample] of samples.entries()) {
        const x = (index + SAMPLES - samples.length) * step
        const y = sample === undefined ? height - 3 : height - 3 - Math.min(sample / most, 1) * (height - 6)
        const line = sample === undefined ? 1 : 0
        const point = `${x.toFixed(1)} ${y.toFixed(1)}`
        lines[line] += line === before ? `L${point}` : `M${point}h.1`
        before = line
      }
      up.setAttribute('d', lines[0])
      down.setAttribute('d', lines[1])
    }
  }
}
