import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

/** A proxy for TCP that loses the client's half of connections and keeps the server's, as a network does that fails in between. */
export class LosingProxy {
  readonly port: number
  /** How many connections it has lost. */
  lost = 0
  readonly #server: Server
  readonly #near = new Set<Socket>()
  readonly #far = new Set<Socket>()
  #asked = /^$/
  #times = 0

  private constructor(server: Server, path: string) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', near => this.#forward(near, path))
  }

  /** @param path - of the server's socket */
  static async listen(path: string): Promise<LosingProxy> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new LosingProxy(server, path)
  }

  /** From now on it loses connections, so many of them, with the answer to what matches. */
  lose(asked: RegExp, times = Infinity): void {
    this.#asked = asked
    this.#times = times
  }

  /** Loses all of them. */
  cut(): void {
    for (const near of this.#near) near.destroy()
  }

  async close(): Promise<void> {
    for (const socket of [...this.#near, ...this.#far]) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #forward(near: Socket, path: string): void {
    const far = connect(path)
    near.setNoDelay(true)
    let isLost = false
    for (const [socket, all] of [
      [near, this.#near],
      [far, this.#far]
    ] as const) {
      all.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => all.delete(socket))
    }
    near.on('data', data => {
      if (this.#times > 0 && this.#asked.test(data.toString('latin1'))) {
        this.#times--
        isLost = true
      }
      far.write(data)
    })
    far.on('data', data => {
      if (!isLost) return void near.write(data)
      if (!near.destroyed) this.lost++
      near.destroy()
    })
    far.on('close', () => near.destroy())
  }
}
