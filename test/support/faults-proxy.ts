import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

/** After how many bytes a connection is cut: those of the client, those of the server. */
export interface Cut {
  readonly up?: number
  readonly down?: number
  /** True: with a reset, so that what is on its way is lost too. */
  readonly reset?: boolean
}

/** A TCP proxy that cuts its connections, the first one as the first plan says and so on; the later ones live. */
export class CuttingProxy {
  /** Bytes that went through each connection. */
  readonly bytes: { up: number; down: number }[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Where to forward new connections to. */
  port: number
  #cuts: Cut[] = []

  constructor(port: number) {
    this.port = port
    this.#server = createServer({ allowHalfOpen: true }, near => this.#forward(near))
  }

  async listen(cuts: readonly Cut[] = []): Promise<string> {
    this.#cuts = [...cuts]
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Cuts everything that is open, with a reset unless `reset` is false. */
  cut(reset = true): void {
    for (const socket of this.#sockets) {
      if (reset) socket.resetAndDestroy()
      else socket.destroy()
    }
  }

  async close(): Promise<void> {
    const closed = new Promise(resolve => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #forward(near: Socket): void {
    const { up = Infinity, down = Infinity, reset = false } = this.#cuts.shift() ?? {}
    const bytes = { up: 0, down: 0 }
    this.bytes.push(bytes)
    const far = connect({ port: this.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    near.setNoDelay(true)
    const end = (): void => {
      for (const socket of [near, far]) {
        if (reset) socket.resetAndDestroy()
        else socket.destroy()
      }
    }
    const pipe = (from: Socket, to: Socket, direction: 'up' | 'down', limit: number): void => {
      this.#sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
      from.on('end', () => to.end())
      from.on('data', data => {
        const room = limit - bytes[direction]
        bytes[direction] += data.length
        if (data.length < room) return void to.write(data)
        // What was let through arrives, also where it is half a frame.
        to.write(data.subarray(0, room), end)
      })
      if (limit === 0) from.once('data', end)
    }
    pipe(near, far, 'up', up)
    pipe(far, near, 'down', down)
  }
}
