import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

/** What a network does to what it carries. Each may be changed at any time; it goes for what comes from then on. */
export interface Hurts {
  /**
   * What becomes of a WebSocket upgrade: an HTTP status that answers it, `hang`: nothing ever comes back, `mute`: it opens,
   * and then nothing comes through.
   */
  upgrades?: 'pass' | 'hang' | 'mute' | number
  /** Milliseconds for each piece, one way. */
  latency?: number
  /** The share of pieces, 0 to 1, that are lost and sent again: they, and what is behind them, take three times as long. */
  loss?: number
  /** Milliseconds for which answers are collected before they are passed on together. */
  buffer?: number
  /** Milliseconds that a connection may live. */
  life?: number
}

/** A TCP proxy before a server that does what bad networks and proxies do. It can read the beginning of HTTP requests. */
export class HurtingProxy {
  hurts: Hurts
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #port: number

  constructor(port: number, hurts: Hurts) {
    this.#port = port
    this.hurts = hurts
    this.#server = createServer(near => this.#forward(near))
  }

  async listen(): Promise<string> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer)
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
  }

  #forward(near: Socket): void {
    const far = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    near.setNoDelay(true)
    for (const [socket, other] of [
      [near, far],
      [far, near]
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
    if (this.hurts.life) this.#after(this.hurts.life, () => near.resetAndDestroy())
    let first = true
    let mute = false
    this.#carry(near, far, data => {
      const isUpgrade = first && /^upgrade: *websocket/im.test(data.toString('latin1'))
      const { upgrades = 'pass' } = this.hurts
      first = false
      if (!isUpgrade || upgrades === 'pass') return !mute
      if (upgrades === 'hang') return false
      if (upgrades === 'mute') return (mute = true)
      near.end(`HTTP/1.1 ${upgrades} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`)
      return false
    })
    this.#carry(far, near, () => true)
  }

  /** Carries what one end says to the other, in order. `passes`: whether a piece goes on. */
  #carry(from: Socket, to: Socket, passes: (data: Buffer) => boolean): void {
    let due = 0
    const pieces: Buffer[] = []
    from.on('data', (data: Buffer) => {
      if (!passes(data)) return
      const { latency = 0, loss = 0, buffer = 0 } = this.hurts
      const now = performance.now()
      const time = Math.random() < loss ? latency * 3 : latency
      // Nothing overtakes.
      due = Math.max(due, now + time + (buffer ? buffer - (now % buffer) : 0))
      pieces.push(data)
      // Timers are not exact, so each has the next piece leave, whichever it is.
      this.#after(due - now, () => to.write(pieces.shift() ?? ''))
    })
  }

  #after(time: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, time)
    this.#timers.add(timer)
  }
}
