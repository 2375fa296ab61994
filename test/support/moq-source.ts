import { createSocket } from 'node:dgram'
import type { Certificate, SessionSource } from '../../transformers/webtransport/index.ts'

declare global {
  interface PromiseConstructor {
    withResolvers<T>(): {
      promise: Promise<T>
      resolve: (value: T | PromiseLike<T>) => void
      reject: (cause?: unknown) => void
    }
  }
}

/** The library is for newer versions of Node, which have this. */
const fillGap = (): void => {
  Promise.withResolvers ??= function withResolvers<T>() {
    let resolve!: (value: T | PromiseLike<T>) => void
    let reject!: (cause?: unknown) => void
    const promise = new Promise<T>((yes, no) => {
      resolve = yes
      reject = no
    })
    return { promise, resolve, reject }
  }
}

/** The library does not tell which port it got. */
const freePort = (host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    socket.once('error', reject)
    socket.bind(0, host, () => {
      const { port } = socket.address()
      socket.close(() => resolve(port))
    })
  })

/**
 * Sessions of `@moq/web-transport`, a server of HTTP/3 in Rust. It tells of a request nothing but its URL: no origin, no
 * address.
 */
export const sessions = ({ cert, key }: Certificate, host = '127.0.0.1'): SessionSource => ({
  async listen(arrived) {
    fillGap()
    const { Server } = await import('@moq/web-transport')
    const port = await freePort(host)
    const server = Server.bind(`${host}:${port}`, Buffer.from(cert), Buffer.from(key))
    const serve = async (): Promise<void> => {
      for (;;) {
        const request = await server.accept()
        if (!request) return
        const { pathname, search, host: name } = new URL(await request.url)
        arrived({
          url: pathname + search,
          headers: { host: name },
          address: '',
          accept: () => request.ok(),
          reject: status => void request.reject(status).catch(() => {})
        })
      }
    }
    void serve().catch(() => {})
    // Its own `close` blocks the process while it waits for a request, as it always does here. New requests are refused.
    return { port, close() {} }
  }
})
