import type { Socket } from 'node:net'
import type { ServerTransformer } from '../../lib/server/listener.ts'
import type { ClientTransformer, Wire } from '../../lib/transformer.ts'
import { engineio } from '../../transformers/engine.io/index.ts'
import { overHttp } from '../contract/fixture.ts'
import type { TransformerFixture } from '../contract/fixture.ts'

/**
 * A fixture for engine.io's clients. Sessions outlive the connections that their polls come over, so a cut ends those that
 * the server has, too.
 */
export const overEngine = (client: ClientTransformer): TransformerFixture & ReturnType<typeof overHttp> => {
  const wires = new Set<Wire>()
  const inner = engineio()
  const server: ServerTransformer = {
    ...inner,
    listen: (host, accept) =>
      inner.listen(host, request => {
        const receiver = accept(request)
        if (receiver instanceof Error) return receiver
        let wire: Wire | undefined
        return {
          open(opened) {
            wire = opened
            wires.add(opened)
            receiver.open(opened)
          },
          message: data => receiver.message(data),
          drain: () => receiver.drain(),
          close(...end) {
            if (wire) wires.delete(wire)
            receiver.close(...end)
          }
        }
      })
  }
  const fixture = overHttp(server, client)
  const sockets = new Set<Socket>()
  fixture.http.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return {
    ...fixture,
    cut: () => {
      // Node never closes a socket that is destroyed while it is being reset, as the end of a session would.
      for (const socket of sockets) socket.destroy()
      for (const wire of wires) wire.abort()
    }
  }
}
