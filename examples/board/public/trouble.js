// The buttons that make trouble.
import { byId } from './dom.js'

const VALUES = 1_000
/** So many at a time, so many milliseconds apart: long enough to drop the wire meanwhile. */
const BURST = 10
const PAUSE = 16

export const makeTrouble = ({ client, network, send }) => {
  const drop = byId('drop')
  const offline = byId('offline')
  const flood = makeFlood(send)
  // The answer comes over the next wire.
  const cut = () =>
    client.rpc
      .with({ timeout: Infinity })
      .cut()
      .catch(() => {})

  drop.addEventListener('click', () => {
    if (client.state === 'closed') client.open()
    else void cut()
  })

  offline.addEventListener('click', () => {
    network.off = !network.off
    offline.setAttribute('aria-checked', `${network.off}`)
    if (!network.off) client.reconnect.now()
    else if (client.state === 'open') void cut()
  })

  return flood
}

/** Has the server send back numbered values, and looks whether one is missing, doubled, or out of order. */
const makeFlood = send => {
  const button = byId('flood')
  const progress = byId('progress')
  const order = byId('order')
  let run = 0
  let expected = 1
  let missing = 0
  let disordered = 0
  let since = 0

  const tell = () => {
    const back = expected - 1 - missing
    progress.value = expected - 1
    const done = expected > VALUES
    const faults = [missing && `${missing} lost with the old session`, disordered && `${disordered} out of order`]
    const verdict = faults.filter(Boolean).join(', ') || 'each once, in order'
    const time = done ? `, ${((performance.now() - since) / 1_000).toFixed(1)} s` : ''
    order.textContent = `${back.toLocaleString()} back, ${verdict}${time}`
    button.disabled = !done
  }

  const write = from => {
    const end = Math.min(from + BURST, VALUES + 1)
    for (let n = from; n < end; n++) send({ type: 'flood', run, n })
    if (end <= VALUES) setTimeout(write, PAUSE, end)
  }

  button.addEventListener('click', () => {
    run++
    expected = 1
    missing = disordered = 0
    since = performance.now()
    tell()
    write(1)
  })

  return {
    /** A value came back. */
    arrived(value) {
      if (value.run !== run) return
      if (value.n < expected) disordered++
      else {
        missing += value.n - expected
        expected = value.n + 1
      }
      tell()
    },
    /** A session began: what the one before still owed will not come. */
    began() {
      button.disabled = false
    }
  }
}
